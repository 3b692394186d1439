"""Files with several states of one network."""

import pytest
import torch

from pipeline import build
from pipeline.checkpoint import load_model, save_model
from pipeline.checkpoint_file import write_checkpoint
from pipeline.checkpoint_route import load_route, save_route
from pipeline.errors import CheckpointError
from pipeline.training.route_parts import RecordedTask, RouteParts, leave_route
from pipeline.types import LossTerms

SPEC = {
    "arch": "timm/resnet18", "size": [32, 16], "embedding": 8, "pooling": "gem", "ibn": "none", "weights": "scratch",
    "args": {"channels": [4, 4, 8, 8], "layers": [1, 1, 1, 1]}, "mean": [0.5, 0.5, 0.5], "std": [0.2, 0.2, 0.2],
}  # fmt: skip


def make_model(seed):
    torch.manual_seed(seed)
    model = build.reid_model(**SPEC, num_classes=3)
    model.neck.bn.running_mean.fill_(float(seed))
    return model


def are_equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_states_come_back_in_their_order_with_buffers(tmp_path):
    models = [make_model(seed) for seed in range(3)]
    states = [model.state_dict() for model in models]
    save_route(tmp_path / "r.safetensors", states, at=[2, 5, 7], spec={**SPEC, "num_classes": 3}, meta={"stage": "a"})
    route = load_route(tmp_path / "r.safetensors")
    assert route.at == (2, 5, 7)
    assert all(are_equal(dict(a), dict(b)) for a, b in zip(route.states, states, strict=True))
    assert are_equal(route.model.state_dict(), dict(states[-1]))
    assert not route.model.training


def test_a_models_own_file_is_a_route_of_one_state(tmp_path):
    model = make_model(4)
    save_model(tmp_path / "best.safetensors", model, spec=SPEC)
    route = load_route(tmp_path / "best.safetensors")
    assert len(route.states) == 1
    assert are_equal(dict(route.states[0]), model.state_dict())


def test_a_route_is_not_taken_for_a_network(tmp_path):
    states = [make_model(seed).state_dict() for seed in range(2)]
    save_route(tmp_path / "r.safetensors", states, at=[1, 2], spec={**SPEC, "num_classes": 3}, meta={})
    with pytest.raises(CheckpointError, match=r"is a route of 2 states; expected one network"):
        load_model(tmp_path / "r.safetensors")


def test_tensors_of_no_state_are_told(tmp_path):
    header = {"spec": {**SPEC, "num_classes": 3}, "cameras": [], "meta": {}, "route": [1]}
    write_checkpoint(tmp_path / "r.safetensors", {"0007.weight": torch.zeros(1)}, header)
    with pytest.raises(CheckpointError, match=r"holds 0007.weight"):
        load_route(tmp_path / "r.safetensors")


def test_kept_states_are_put_together_and_missing_ones_told(tmp_path):
    models = [make_model(seed) for seed in range(3)]
    parts = RouteParts(tmp_path)
    for at, model in zip((3, 6), models, strict=False):
        parts.keep(at, model)
    leave_route(tmp_path, models[2], [3, 6, 9], spec=SPEC, meta={})
    route = load_route(tmp_path / "route.safetensors")
    assert route.at == (3, 6, 9)
    assert all(are_equal(dict(s), m.state_dict()) for s, m in zip(route.states, models, strict=True))
    with pytest.raises(CheckpointError, match="the route's state at 4 is missing"):
        leave_route(tmp_path, models[2], [4, 9], spec=SPEC, meta={})


def test_one_state_leaves_no_file(tmp_path):
    leave_route(tmp_path, make_model(0), [9], spec=SPEC, meta={})
    assert not list(tmp_path.iterdir())


def test_a_recorded_task_keeps_the_state_after_its_steps():
    class Task:
        done = 0

        def step(self, batches, step):
            self.done += 1
            return LossTerms(torch.zeros(()), {})

    task, seen = Task(), []
    recorded = RecordedTask(task, [2, 4], lambda at: seen.append((at, task.done)))
    for step in range(5):
        recorded.step({}, step)
    assert seen == [(2, 2), (4, 4)]
