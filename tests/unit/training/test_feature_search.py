"""The search of DFA: who moves in which step, what the student is fed, and that the teacher never moves."""

import copy

import pytest
import torch
from torch import nn

from pipeline.errors import CheckpointError, ConfigError
from pipeline.losses.distillation.dfa import aggregate, alphas, connect
from pipeline.models.reid import ReIDModel
from pipeline.models.trunks import build_trunk
from pipeline.teaching.responses import respond, weights_digest
from pipeline.training.aggregation_file import load_aggregation, save_aggregation
from pipeline.training.feature_search import (
    AGGREGATION,
    STUDENT,
    BridgedStudent,
    GroupSearch,
    SearchSettings,
    learner_settings,
)
from pipeline.training.precision import Precision
from pipeline.training.settings import OptimizerSettings
from pipeline.types import ReIDBatch

BLOCKS = ("layer2.0", "layer2.1", "layer2.2")


def make_model(*, seed, layers=(1, 1, 1, 1), channels=(4, 4, 8, 8)):
    torch.manual_seed(seed)
    # As published, the last norm of each block starts at 0, and all blocks of a stage would say the same.
    args = {"layers": list(layers), "channels": list(channels), "zero_init_last": False}
    return ReIDModel(build_trunk("timm/resnet18", args=args), num_classes=4, embedding=8, size=(32, 16))


def make_batch(*, seed, size=(32, 16)):
    pixels = torch.randint(0, 256, (6, 3, *size), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)
    return ReIDBatch(pixels, torch.arange(6), torch.tensor([0, 1, 2, 3, 0, 1]), torch.zeros(6, dtype=torch.int64))


def make_search(**settings):
    teacher = make_model(seed=1, layers=(1, 3, 1, 1), channels=(4, 6, 8, 8)).eval().requires_grad_(False)
    student = BridgedStudent(make_model(seed=2), "stage2", channels=6)
    learner = learner_settings(OptimizerSettings(lr=1e-2).player(total_steps=10), Precision())
    return GroupSearch(student, teacher, blocks=BLOCKS, settings=SearchSettings(**settings), learner=learner)


def parameters_of(module):
    return {name: value.detach().clone() for name, value in module.named_parameters()}


def are_equal(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def test_each_optimizer_moves_its_own_and_nobody_the_teacher():
    search = make_search(rate=0.1)
    digest, weights, network = weights_digest(search.teacher), search.weights(), parameters_of(search.student)
    search._student_step(make_batch(seed=3))
    assert torch.equal(search.weights(), weights)
    moved = parameters_of(search.student)
    assert {name for name in network if torch.equal(network[name], moved[name])} <= {"model.neck.bn.bias"}
    gradients = [parameter.grad for parameter in search.student.parameters()]
    search._aggregation_step(make_batch(seed=4))
    assert not torch.equal(search.weights(), weights)
    assert are_equal(parameters_of(search.student), moved)
    # Not even a gradient, which the next step of the student could take for its own.
    assert all(before is parameter.grad for before, parameter in zip(gradients, search.student.parameters(),
                                                                     strict=True))  # fmt: skip
    assert weights_digest(search.teacher) == digest
    assert all(parameter.grad is None for parameter in search.teacher.parameters())


def test_the_parts_of_a_step_are_both_losses_on_both_batches():
    search = make_search(g_st=2.0, g_ts=0.5)
    terms = search.step({STUDENT: make_batch(seed=3), AGGREGATION: make_batch(seed=4)})
    assert set(terms.parts) == {"student.st", "student.ts", "aggregation.st", "aggregation.ts"}
    assert terms.total.item() == pytest.approx(2.0 * terms.parts["student.st"] + 0.5 * terms.parts["student.ts"])
    assert set(terms.facts) == set(BLOCKS)
    assert sum(terms.facts.values()).item() == pytest.approx(1.0)


def test_the_weights_descend_the_loss_on_the_batch_that_is_held_out():
    search = make_search()
    # GeM computes in single precision.
    search.student.model.pooling = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    batch = make_batch(seed=5)
    maps = respond(search.teacher, batch.images, taps=BLOCKS).maps

    def loss(parameters):
        # In training mode, which BatchNorm answers from the batch, but without a trace in the running statistics.
        student = copy.deepcopy(search.student).double().train()
        together = aggregate([maps[name].double() for name in BLOCKS], alphas(parameters))
        student.model.normalise = lambda images: search.student.model.normalise(images).double()
        connected, wanted, logits = student(batch.images, together)
        return (connected - wanted).square().mean() + nn.functional.cross_entropy(logits, batch.labels)

    at, size = torch.tensor([0.2, -0.1, 0.4]).double(), 1e-5
    numbers = [(loss(at + size * row) - loss(at - size * row)).item() / (2 * size) for row in torch.eye(3).double()]
    search.student.train()
    with torch.no_grad():
        search.parameters.copy_(at)
    search._aggregation_step(batch)
    assert search.parameters.grad.tolist() == pytest.approx(numbers, rel=2e-3, abs=2e-5)


def test_the_rest_of_the_student_sees_the_aggregated_map_alone():
    search = make_search()
    student = search.student.train()
    together = torch.randn(6, 6, 4, 2)
    first, _, fed = student(make_batch(seed=6).images, together)
    second, _, again = student(make_batch(seed=7).images, together)
    assert torch.equal(fed, again)
    assert not torch.equal(first, second)
    assert not torch.equal(student(make_batch(seed=6).images, 2.0 * together + torch.randn(6, 6, 4, 2))[2], fed)
    assert not student.model.trunk.body.layer2._forward_hooks


@pytest.mark.parametrize("size", [(8, 4), (2, 1), (5, 3)])
def test_maps_of_another_size_are_pooled(size):
    connected, wanted, logits = make_search().student.train()(make_batch(seed=8).images, torch.randn(6, 6, *size))
    assert connected.shape == wanted.shape == (6, 6, min(4, size[0]), min(2, size[1]))
    assert logits.shape == (6, 4)


def test_a_student_without_plain_maps_is_refused():
    torch.manual_seed(1)
    trunk = build_trunk("timm/vit_tiny_patch16_224", args={"depth": 2, "img_size": [32, 16]})
    model = ReIDModel(trunk, num_classes=4, embedding=8, size=(32, 16))
    student = BridgedStudent(model, "stage1", channels=6)
    with pytest.raises(ConfigError, match=r"stage1 of the student returns .* expected \(images, 192, h, w\)"):
        student(make_batch(seed=9).images, torch.randn(6, 6, 2, 1))


@pytest.mark.parametrize("param", ["softmax", "free"])
def test_a_search_starts_with_equal_weights_and_goes_on_from_its_state(param):
    search = make_search(param=param, rate=0.05)
    assert search.weights().tolist() == pytest.approx([1 / 3] * 3)
    batches = [{STUDENT: make_batch(seed=i), AGGREGATION: make_batch(seed=100 + i)} for i in range(4)]
    for batch in batches[:2]:
        search.step(batch)
    state = {name: value.clone() for name, value in search.state().items()}
    other = make_search(param=param, rate=0.05)
    other.load_state(state)
    for batch in batches[2:]:
        expected, found = search.step(batch), other.step(batch)
        assert torch.equal(expected.total, found.total)
    assert torch.equal(search.parameters, other.parameters)


def test_one_side_alone_searches_too():
    for settings in ({"g_st": 0.0}, {"g_ts": 0.0}):
        search = make_search(rate=0.1, **settings)
        search.step({STUDENT: make_batch(seed=3), AGGREGATION: make_batch(seed=4)})
        assert len(set(search.weights().tolist())) > 1


def test_connectors_of_the_search_have_no_bias_beside_their_norm():
    connector = connect(3, 5, has_norm=True)
    assert connector[0].bias is None
    assert connector[1].num_features == 5


def test_weights_are_written_and_read_exactly(tmp_path):
    weights = {"stage2": {"layer2.0": torch.rand(1).item(), "layer2.10": -1 / 3}, "stage10": {"stage10": 1.0}}
    save_aggregation(tmp_path / "a.json", weights, meta={"teacher": "pretrain.best"})
    found = load_aggregation(tmp_path / "a.json")
    assert found == weights
    assert [list(group) for group in found.values()] == [list(group) for group in weights.values()]


NO_WEIGHTS = ['{"stage": "stage1"}', '{"stage": "s", "maps": ["a"], "weights": []}']


@pytest.mark.parametrize("content", ["{}", "no json", *(f'{{"schema": 1, "groups": [{one}]}}' for one in NO_WEIGHTS)])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(CheckpointError, match="holds no weights of a teacher's maps"):
        load_aggregation(tmp_path / "a.json")
    (tmp_path / "b.json").write_text('{"schema": 2}')
    with pytest.raises(CheckpointError, match="has schema 2"):
        load_aggregation(tmp_path / "b.json")
