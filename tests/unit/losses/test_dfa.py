"""DFA: golden values, loop twins, what moves the weights, and the objective with searched weights and controls."""

import math

import pytest
import torch
from torch import Tensor, nn

from pipeline import build
from pipeline.errors import ConfigError
from pipeline.losses.distillation.dfa import (
    DFA,
    aggregate,
    alphas,
    bridge_loss,
    st_loss,
    stage_factors,
    ts_loss,
)
from pipeline.losses.distillation.fitnets import FitNets, hint_loss
from pipeline.types import NetworkShape, ReIDBatch, Taps
from tests.references import aggregation as twins

ONE = torch.tensor([[[[1.0, 2.0, 3.0], [0.0, 1.0, 0.0]]]])
TWO = torch.tensor([[[[3.0, 0.0, 3.0], [3.0, 1.0, 3.0]]]])
STUDENT = torch.tensor([[[[2.0, 1.0, 3.0], [1.0, 1.0, 1.0]]]])
BLOCKS = {"stage1": ("layer1.0", "layer1.1"), "stage3": ("layer3.0", "layer3.1", "layer3.2")}
MAPS = {"stage1": 4, "stage2": 3, "stage3": 7, "layer1.0": 4, "layer1.1": 4, "layer3.0": 7, "layer3.1": 7,
        "layer3.2": 7}  # fmt: skip
SMALL = NetworkShape(width=6, num_classes=3, maps={"stage1": 2, "stage2": 3, "stage3": 4})
LARGE = NetworkShape(width=9, num_classes=3, maps=MAPS, blocks=BLOCKS)
FOUND = {"stage1": {"layer1.0": 0.25, "layer1.1": 0.75}, "stage3": {"layer3.0": -0.5, "layer3.1": 0.0, "layer3.2": 0.5}}
BATCH = ReIDBatch(torch.zeros(2, 3, 1, 1), torch.arange(2), None, torch.zeros(2, dtype=torch.int64))


def make_map(channels: int, *, seed: int, count: int = 2, size: tuple[int, int] = (4, 2)) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, channels, *size, generator=generator, dtype=torch.float64)


def make_taps(shape: NetworkShape, *, seed: int, size: tuple[int, int] = (4, 2)) -> Taps:
    maps = {
        name: make_map(channels, seed=seed + i, size=size).float().requires_grad_()
        for i, (name, channels) in enumerate(shape.maps.items())
    }
    return Taps(torch.zeros(2, shape.width), torch.zeros(2, shape.width), maps=maps)


def test_golden_values() -> None:
    parameters = torch.tensor([0.0, math.log(2.0)], requires_grad=True)
    weights = alphas(parameters)
    assert weights.tolist() == pytest.approx([1 / 3, 2 / 3])
    together = aggregate([ONE, TWO], weights)
    assert together.flatten().tolist() == pytest.approx([7 / 3, 2 / 3, 3, 2, 1, 2])
    loss = st_loss(STUDENT, together)
    assert loss.item() == pytest.approx(0.370370, abs=1e-6)
    (gradient,) = torch.autograd.grad(loss, [parameters])
    assert gradient.tolist() == pytest.approx([-0.543210, 0.543210], abs=1e-6)


def test_the_weights_go_to_what_the_student_resembles_already() -> None:
    parameters = torch.zeros(2, requires_grad=True)
    loss = st_loss(ONE, aggregate([ONE, TWO], alphas(parameters)))
    assert loss.item() == pytest.approx(1.083333, abs=1e-6)
    (gradient,) = torch.autograd.grad(loss, [parameters])
    assert gradient.tolist() == pytest.approx([-1.083333, 1.083333], abs=1e-6)


def test_equal_maps_leave_nothing_to_choose() -> None:
    parameters = torch.tensor([0.3, -0.2, 0.9], requires_grad=True)
    loss = st_loss(STUDENT, aggregate([ONE, ONE, ONE], alphas(parameters)))
    assert loss.item() == pytest.approx(st_loss(STUDENT, ONE).item())
    (gradient,) = torch.autograd.grad(loss, [parameters])
    torch.testing.assert_close(gradient, torch.zeros(3), atol=1e-6, rtol=0)


@pytest.mark.parametrize("param", ["softmax", "free"])
def test_weights_equal_their_loop_twins(param: str) -> None:
    parameters = torch.tensor([0.3, -1.2, 2.0, 0.1], dtype=torch.float64)
    found = alphas(parameters, param=param)  # type: ignore[arg-type]
    assert found.tolist() == pytest.approx(getattr(twins, param)(parameters.tolist()), rel=1e-12)
    assert found.abs().sum().item() == pytest.approx(1.0)


def test_free_weights_do_not_shrink() -> None:
    parameters = torch.tensor([0.5, -0.25, 1.0], dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(alphas(7.0 * parameters, param="free"), alphas(parameters, param="free"))
    together = aggregate([make_map(3, seed=i) for i in (2, 3, 4)], alphas(parameters, param="free"))
    loss = st_loss(make_map(3, seed=1), together)
    (gradient,) = torch.autograd.grad(loss, [parameters])
    # No way leads towards 0.
    assert (gradient * parameters.detach()).sum().item() == pytest.approx(0.0, abs=1e-12)
    assert torch.isfinite(alphas(torch.zeros(3), param="free")).all()


def test_losses_equal_their_loop_twins() -> None:
    maps = [make_map(3, seed=i) for i in (5, 6, 7)]
    weights = [0.2, -0.5, 0.3]
    together = aggregate(maps, weights)
    expected = twins.aggregate([one.tolist() for one in maps], weights)
    torch.testing.assert_close(together, torch.tensor(expected, dtype=torch.float64))
    student = make_map(3, seed=8)
    assert st_loss(student, together).item() == pytest.approx(
        twins.squared_error(student.tolist(), expected), rel=1e-12
    )
    logits = make_map(4, seed=9, size=(1, 1)).flatten(1)
    labels = torch.tensor([3, 0])
    assert ts_loss(logits, labels).item() == pytest.approx(twins.cross_entropy(logits.tolist(), labels.tolist()))
    both = bridge_loss(torch.tensor(2.0), torch.tensor(3.0), g_st=0.5, g_ts=10.0)
    assert both.item() == 31.0


@pytest.mark.parametrize("param", ["softmax", "free"])
def test_gradients_in_float64(param: str) -> None:
    maps = [make_map(2, seed=i, size=(2, 1)) for i in (10, 11, 12)]
    student = make_map(2, seed=13, size=(2, 1)).requires_grad_()
    parameters = torch.tensor([0.4, -0.3, 0.8], dtype=torch.float64, requires_grad=True)
    matrix, labels = make_map(3, seed=14, count=4, size=(1, 1)).reshape(4, 3), torch.tensor([2, 1])

    def bridge(student: Tensor, parameters: Tensor) -> Tensor:
        together = aggregate(maps, alphas(parameters, param=param))  # type: ignore[arg-type]
        return bridge_loss(st_loss(student, together), ts_loss(together.flatten(1) @ matrix, labels), g_ts=2.0)

    assert torch.autograd.gradcheck(bridge, (student, parameters))


def test_factors_of_the_stages() -> None:
    assert stage_factors(4) == [0.125, 0.25, 0.5, 1.0]
    assert stage_factors(1) == [1.0]
    assert sum(f * loss for f, loss in zip(stage_factors(3), [1.0, 5.0, 9.0], strict=True)) == (
        twins.over_stages([1.0, 5.0, 9.0])
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize("scale", [0.0, 1.0, 3e4])
def test_degenerate_maps_stay_finite(dtype: torch.dtype, count: int, scale: float) -> None:
    student = (scale * make_map(3, seed=15, count=count)).clamp(-6e4, 6e4).to(dtype).requires_grad_()
    maps = [(scale * make_map(3, seed=i, count=count)).clamp(-6e4, 6e4).to(dtype) for i in (16, 17)]
    parameters = torch.zeros(2, requires_grad=True)
    logits, labels = student.float().flatten(1)[:, :3], torch.zeros(count, dtype=torch.int64)
    value = bridge_loss(st_loss(student.float(), aggregate(maps, alphas(parameters))), ts_loss(logits, labels))
    value.backward()
    assert value.dtype == torch.float32
    assert torch.isfinite(value)
    assert student.grad is not None
    assert parameters.grad is not None
    assert torch.isfinite(student.grad).all()
    assert torch.isfinite(parameters.grad).all()


def test_maps_that_do_not_fit_together_are_our_mistake() -> None:
    with pytest.raises(AssertionError, match="2 maps and 1 weights"):
        aggregate([ONE, TWO], [1.0])
    with pytest.raises(AssertionError, match="maps of"):
        aggregate([ONE, TWO[:, :, :1]], [0.5, 0.5])


def test_the_objective_hears_the_blocks_and_reads_the_stages() -> None:
    objective = DFA(aggregation="searched", student_shape=SMALL, teacher_shape=LARGE, searched=FOUND)
    assert objective.reads == ("maps:stage1", "maps:stage3")
    # A map with weight 0 is not even recorded.
    assert objective.hears == ("layer1.0", "layer1.1", "layer3.0", "layer3.2")
    student, teacher = make_taps(SMALL, seed=20), make_taps(LARGE, seed=30)
    value = objective(student, teacher, BATCH)
    parts = []
    for stage, connector in zip(FOUND, objective.connectors, strict=True):
        wanted = twins.aggregate([teacher.maps[name].tolist() for name in FOUND[stage]], list(FOUND[stage].values()))
        parts.append(twins.squared_error(connector(student.maps[stage]).tolist(), wanted))
    assert value.item() == pytest.approx(twins.over_stages(parts), rel=1e-5)
    assert {name: fact.item() for name, fact in objective.facts().items()} == pytest.approx(
        dict(zip(FOUND, parts, strict=True)), rel=1e-5
    )
    value.backward()
    assert all(p.grad is not None and p.grad.any() for p in objective.parameters())
    assert student.maps["stage2"].grad is None
    assert all(one.grad is None for one in teacher.maps.values())


def test_controls() -> None:
    last = DFA(aggregation="last", student_shape=SMALL, teacher_shape=LARGE)
    assert last.groups == {"stage1": {"layer1.1": 1.0}, "stage2": {"stage2": 1.0}, "stage3": {"layer3.2": 1.0}}
    uniform = DFA(student_shape=SMALL, teacher_shape=LARGE)
    assert uniform.groups["stage1"] == {"layer1.0": 0.5, "layer1.1": 0.5}
    assert uniform.groups["stage2"] == {"stage2": 1.0}
    assert sum(uniform.groups["stage3"].values()) == pytest.approx(1.0)


def test_all_weight_on_the_last_map_is_plain_distillation_of_that_map() -> None:
    teacher, student = make_taps(LARGE, seed=40, size=(8, 4)), make_taps(SMALL, seed=50)
    one_hot = {"stage3": {"layer3.0": 0.0, "layer3.1": 0.0, "layer3.2": 1.0}}
    searched = DFA(aggregation="searched", student_shape=SMALL, teacher_shape=LARGE, searched=one_hot)
    last = DFA(aggregation="last", stages=["stage3"], student_shape=SMALL, teacher_shape=LARGE)
    plain = FitNets(student_shape=SMALL, teacher_shape=LARGE)
    for objective in (searched, last):
        objective.connectors[0].load_state_dict(plain.regressors[0].state_dict())
        # A stage's own map is that of its last block.
        heard = Taps(teacher.embedding, teacher.bn_embedding, maps={**teacher.maps, "stage3": teacher.maps["layer3.2"]})
        assert torch.equal(objective(student, heard, BATCH), plain(student, heard, BATCH))
    pooled = nn.functional.adaptive_avg_pool2d(teacher.maps["layer3.2"], (4, 2))
    expected = hint_loss(plain.regressors[0](student.maps["stage3"]), pooled)
    torch.testing.assert_close(last(student, teacher, BATCH), expected)


def test_a_connector_may_have_a_norm() -> None:
    objective = DFA(connector="conv_bn", student_shape=SMALL, teacher_shape=LARGE)
    assert {type(layer) for connector in objective.connectors for layer in connector} == {nn.Conv2d, nn.BatchNorm2d}
    student, teacher = make_taps(SMALL, seed=60), make_taps(LARGE, seed=70)
    assert torch.isfinite(objective(student, teacher, BATCH))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"aggregation": "searched"}, "dfa takes aggregation: searched, and no weights are given"),
        (
            {"aggregation": "searched", "searched": FOUND, "stages": ["stage2"]},
            "dfa wants stage2, which was not searched",
        ),
        ({"stages": ["stage7"]}, "dfa reads the map 'stage7', which the student does not have"),
        ({"stages": []}, "the layers of dfa are"),
        (
            {"aggregation": "searched", "searched": {"stage1": {"layer1.0": 1.0}}},
            "stage1 was searched among the maps layer1.0, and the teacher has layer1.0, layer1.1",
        ),
        ({"teacher_shape": NetworkShape(9, 3, {})}, "dfa reads the map 'stage1', which the teacher does not have"),
    ],
)
def test_what_does_not_fit_is_told(arguments: dict, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        DFA(**{"student_shape": SMALL, "teacher_shape": LARGE, **arguments})


def test_the_tables_supply_what_a_search_found() -> None:
    entries = {"dfa": {"aggregation": "searched", "weight": 2.0}, "kd": {}, "fitnets": {"layers": ["stage2"]}}
    built = build.objectives(entries, student=SMALL, teacher=LARGE, searched=FOUND)
    assert built.maps == ("stage1", "stage2", "stage3")
    assert built.heard_maps == ("layer1.0", "layer1.1", "layer3.0", "layer3.2", "stage2")
    assert {term.name: term.on for term in built.terms}["dfa"] == ("source", "target")
    with pytest.raises(ConfigError, match="no teacher is heard here"):
        build.objectives({"dfa": {}}, student=SMALL, teacher=None)
