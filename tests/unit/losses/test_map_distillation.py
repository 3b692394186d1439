"""FitNets and attention transfer: loop twins, what they do not see, and degenerate maps."""

import pytest
import torch
from torch import Tensor, nn

from pipeline.errors import ConfigError
from pipeline.losses.distillation.attention_transfer import AttentionTransfer, attention, attention_transfer_loss
from pipeline.losses.distillation.fitnets import FitNets, hint_loss
from pipeline.losses.distillation.maps import matched_sizes
from pipeline.types import NetworkShape, ReIDBatch, Taps
from tests.references import map_losses as twins

SMALL = NetworkShape(width=6, num_classes=3, maps={"stage1": 2, "stage2": 3, "stage3": 4, "layer2.0.conv1": 3})
LARGE = NetworkShape(width=9, num_classes=3, maps={"stage1": 4, "stage2": 3, "stage3": 7, "layer2.0.conv1": 5})
BATCH = ReIDBatch(torch.zeros(2, 3, 1, 1), torch.arange(2), None, torch.zeros(2, dtype=torch.int64))


def make_map(channels: int, *, seed: int, count: int = 3, size: tuple[int, int] = (4, 2)) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, channels, *size, generator=generator, dtype=torch.float64)


def make_taps(shape: NetworkShape, *, seed: int, size: tuple[int, int] = (4, 2)) -> Taps:
    maps = {
        name: make_map(channels, seed=seed + i, count=2, size=size).float().requires_grad_()
        for i, (name, channels) in enumerate(shape.maps.items())
    }
    return Taps(torch.zeros(2, shape.width), torch.zeros(2, shape.width), maps=maps)


def test_attention_transfer_golden_values() -> None:
    # Squares 1, 4, 0, 0 and 0, 0, 9, 0 over the places; unit vectors (1, 4, 0, 0) / sqrt(17) and (0, 0, 1, 0).
    student = torch.tensor([[[[1.0, 2.0], [0.0, 0.0]]]])
    teacher = torch.tensor([[[[0.0, 0.0], [3.0, 0.0]]]])
    assert attention_transfer_loss(student, teacher).item() == pytest.approx(0.5)
    assert attention(student)[0].tolist() == pytest.approx([1 / 17**0.5, 4 / 17**0.5, 0, 0])
    assert attention_transfer_loss(student, 5.0 * student).item() == pytest.approx(0.0, abs=1e-14)


@pytest.mark.parametrize("power", [1.0, 2.0, 3.5])
def test_attention_transfer_equals_its_loop_twin(power: float) -> None:
    student, teacher = make_map(3, seed=1), make_map(5, seed=2)
    expected = twins.attention_transfer(student.tolist(), teacher.tolist(), power)
    assert attention_transfer_loss(student, teacher, power=power).item() == pytest.approx(expected, rel=1e-10)


def test_attention_does_not_see_signs_scale_or_the_order_of_channels() -> None:
    student, teacher = make_map(3, seed=3), make_map(5, seed=4)
    value = attention_transfer_loss(student, teacher)
    torch.testing.assert_close(attention_transfer_loss(-7.0 * student[:, [2, 0, 1]], teacher), value)
    torch.testing.assert_close(attention_transfer_loss(student.repeat(1, 2, 1, 1), teacher), value)


def test_hints_equal_their_loop_twin() -> None:
    student, teacher = make_map(3, seed=5), make_map(4, seed=6)
    weight = torch.randn(4, 3, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    value = hint_loss(nn.functional.conv2d(student, weight[:, :, None, None]), teacher)
    assert value.item() == pytest.approx(twins.hint(student.tolist(), teacher.tolist(), weight.tolist()), rel=1e-10)


def test_gradients_in_float64_and_none_for_the_teacher() -> None:
    student, teacher = make_map(3, seed=8).requires_grad_(), make_map(3, seed=9).requires_grad_()
    for loss in (hint_loss, attention_transfer_loss):
        assert torch.autograd.gradcheck(lambda x, loss=loss: loss(x, teacher.detach()), (student,))  # type: ignore[misc]
        loss(student, teacher).backward()
    assert teacher.grad is None


def test_the_larger_map_is_pooled_to_the_smaller() -> None:
    small, large = make_map(2, seed=10, size=(4, 2)), make_map(3, seed=11, size=(8, 4))
    ours, theirs = matched_sizes(small, large)
    assert torch.equal(ours, small)
    torch.testing.assert_close(theirs, large.unflatten(2, (4, 2)).unflatten(4, (2, 2)).mean((3, 5)))
    wide, tall = matched_sizes(make_map(2, seed=12, size=(4, 3)), make_map(2, seed=13, size=(5, 2)))
    assert wide.shape == tall.shape == (3, 2, 4, 2)
    assert attention_transfer_loss(small, large).item() == pytest.approx(attention_transfer_loss(small, theirs).item())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize("scale", [0.0, 1.0, 3e4])
def test_degenerate_maps_stay_finite(dtype: torch.dtype, count: int, scale: float) -> None:
    student = (scale * make_map(3, seed=14, count=count)).clamp(-6e4, 6e4).to(dtype).requires_grad_()
    teacher = make_map(3, seed=15, count=count).to(dtype)
    value = attention_transfer_loss(student, teacher) + hint_loss(student.float(), teacher.float())
    value.backward()
    assert value.dtype == torch.float32
    assert torch.isfinite(value)
    assert student.grad is not None
    assert torch.isfinite(student.grad).all()


def test_a_map_without_activations_sends_no_attention_gradient() -> None:
    student = torch.zeros(2, 3, 4, 2, requires_grad=True)
    attention_transfer_loss(student, make_map(3, seed=16, count=2).float()).backward()
    assert student.grad is not None
    assert not student.grad.any()


def test_regressors_learn_and_stand_even_where_channels_are_equal() -> None:
    objective = FitNets(layers=["stage2", "stage3", "layer2.0.conv1"], student_shape=SMALL, teacher_shape=LARGE)
    assert objective.reads == ("maps:stage2", "maps:stage3", "maps:layer2.0.conv1")
    assert [tuple(p.shape[:2]) for p in objective.parameters()] == [(3, 3), (7, 4), (5, 3)]
    student, teacher = make_taps(SMALL, seed=20), make_taps(LARGE, seed=30, size=(8, 4))
    objective(student, teacher, BATCH).backward()
    assert all(p.grad is not None and p.grad.any() for p in objective.parameters())
    assert student.maps["stage3"].grad is not None
    assert student.maps["stage1"].grad is None
    assert all(value.grad is None for value in teacher.maps.values())


def test_several_layers_are_averaged_by_fitnets_and_summed_by_attention_transfer() -> None:
    student, teacher = make_taps(SMALL, seed=40), make_taps(SMALL, seed=50)
    single = [
        FitNets(layers=[layer], student_shape=SMALL, teacher_shape=SMALL)(student, teacher, BATCH)
        for layer in ("stage1", "stage2")
    ]
    both = FitNets(layers=["stage1", "stage2"], student_shape=SMALL, teacher_shape=SMALL)(student, teacher, BATCH)
    torch.testing.assert_close(both, sum(single) / 2)
    parts = [AttentionTransfer(layers=[layer])(student, teacher, BATCH) for layer in ("stage1", "stage2")]
    torch.testing.assert_close(AttentionTransfer(layers=["stage1", "stage2"])(student, teacher, BATCH), sum(parts))


def test_equal_networks_start_without_a_hint_to_follow() -> None:
    taps = make_taps(SMALL, seed=60)
    objective = FitNets(layers=["stage1", "stage2"], student_shape=SMALL, teacher_shape=SMALL)
    assert objective(taps, taps, BATCH).item() == 0.0


@pytest.mark.parametrize("layers", [[], ["stage1", "stage1"]])
def test_layers_that_mean_nothing_are_refused(layers: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"the layers of fitnets are .*at least one map, each once"):
        FitNets(layers=layers, student_shape=SMALL, teacher_shape=LARGE)
    with pytest.raises(ConfigError, match="the layers of attention_transfer are"):
        AttentionTransfer(layers=layers)


def test_a_power_below_one_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"the power of attention_transfer is 0\.5"):
        AttentionTransfer(power=0.5)
