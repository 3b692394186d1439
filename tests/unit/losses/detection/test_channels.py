"""Statistics of channels, and the three losses that compare channels: PKD, CWD and CrossKD's alignment."""

import math

import pytest
import torch
from torch import Tensor

from pipeline.errors import ConfigError
from pipeline.losses.detection.crosskd import CrossKD, align_statistics
from pipeline.losses.detection.cwd import CWD, cwd_loss
from pipeline.losses.detection.pkd import PKD, pkd_loss
from pipeline.losses.detection.statistics import standardised
from tests.references import detection_losses as twins
from tests.unit.losses.detection.make_views import (
    STRIDES,
    FakeTeacher,
    everywhere,
    make_batch,
    make_maps,
    make_shape,
    make_shapes,
    make_taps,
)


def row(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).reshape(1, 1, 1, -1)


def make_case() -> tuple[Tensor, Tensor, Tensor]:
    student, teacher = (make_maps(2, 3, 4, 5, seed=seed, dtype=torch.float64) for seed in (1, 2))
    return student, teacher, torch.rand(2, 4, 5, generator=torch.Generator().manual_seed(3)) > 0.4


@pytest.mark.parametrize(
    ("other", "expected"),
    [(row(10, 13, 16, 19), 0.0), (row(-1, -2, -3, -4), 1.5), (row(1, 2, 4, 3), 0.15)],
)
def test_pkd_golden_values(other: Tensor, expected: float) -> None:
    ours = row(1, 2, 3, 4)
    assert pkd_loss(ours, other, valid=everywhere(ours)).item() == pytest.approx(expected, abs=1e-5)


def test_pkd_and_alignment_equal_their_loop_twins() -> None:
    student, teacher, valid = make_case()
    lists = student.tolist(), teacher.tolist(), valid.tolist()
    assert pkd_loss(student, teacher, valid=valid).item() == pytest.approx(twins.pkd(*lists), rel=1e-5)
    aligned = align_statistics(student, teacher, valid=valid).permute(1, 0, 2, 3)[:, valid]
    torch.testing.assert_close(aligned, torch.tensor(twins.align(*lists), dtype=torch.float64), rtol=1e-5, atol=1e-5)


def test_pkd_ignores_scale_and_shift_of_each_channel_of_either_side() -> None:
    student, teacher, valid = make_case()
    scale = torch.tensor([0.5, 2.0, 30.0], dtype=torch.float64)[None, :, None, None]
    plain = pkd_loss(student, teacher, valid=valid)
    torch.testing.assert_close(pkd_loss(scale * student + 4, teacher, valid=valid), plain, rtol=1e-5, atol=0)
    torch.testing.assert_close(pkd_loss(student, scale * teacher - 9, valid=valid), plain, rtol=1e-5, atol=0)
    assert pkd_loss(student, scale * student + 1, valid=valid).item() == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e4, -3e-5])
def test_a_constant_channel_becomes_zero_and_has_no_wild_gradient(value: float) -> None:
    maps = torch.full((2, 1, 40, 50), value, requires_grad=True)
    valid = everywhere(maps)
    assert standardised(maps, valid).abs().max() < 0.1
    pkd_loss(maps, make_maps(2, 1, 40, 50, seed=1), valid=valid).backward()
    assert maps.grad is not None
    assert torch.isfinite(maps.grad).all()


def test_cwd_golden_value() -> None:
    teacher = row(0, 0, 0, math.log(3))
    value = cwd_loss(torch.zeros_like(teacher), teacher, valid=everywhere(teacher))
    assert value.item() == pytest.approx(0.143841, abs=1e-6)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_cwd_equals_its_loop_twin(temperature: float) -> None:
    student, teacher, valid = make_case()
    expected = twins.cwd(student.tolist(), teacher.tolist(), valid.tolist(), temperature)
    assert cwd_loss(student, teacher, valid=valid, temperature=temperature).item() == pytest.approx(expected)


def test_cwd_ignores_a_constant_on_a_channel_and_is_zero_when_equal() -> None:
    student, teacher, valid = make_case()
    shift = torch.tensor([1.0, -4.0, 9.0], dtype=torch.float64)[None, :, None, None]
    torch.testing.assert_close(cwd_loss(student + shift, teacher, valid=valid), cwd_loss(student, teacher, valid=valid))
    assert cwd_loss(student, student, valid=valid).item() == 0.0


def test_alignment_golden_values() -> None:
    student, teacher = row(1, 2, 3, 4), row(10, 10, 20, 20)
    found = align_statistics(student, teacher, valid=everywhere(student)).flatten()
    expected = torch.tensor([8.291801, 12.763934, 17.236066, 21.708199], dtype=torch.float64)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)
    assert found.mean().item() == pytest.approx(15)
    assert found.std().item() == pytest.approx(5.773503, abs=1e-5)


def test_crosskd_does_not_see_scale_and_shift_of_the_towers() -> None:
    teacher, batch = make_taps(seed=2), make_batch()
    network = FakeTeacher()
    stacked = {stride: torch.cat([tower, tower], dim=1) for stride, tower in teacher.towers.items()}
    teacher.dense_logits.update(network.cross_predict(stacked, 2)[0])  # type: ignore[attr-defined]
    student = make_taps(seed=1)
    for stride in STRIDES:
        student.towers[stride].copy_(5 * teacher.towers[stride] + 3)
    objective = CrossKD(**make_shapes())
    objective.bind_teacher(network)
    # What crosses over is then the teacher's own tower, hence its own answer.
    assert objective(student, teacher, batch).item() == pytest.approx(0.0, abs=1e-6)
    assert objective(make_taps(seed=1), teacher, batch) > 0.01


def test_crosskd_keeps_the_teacher_out_of_its_modules() -> None:
    objective = CrossKD(student_shape=make_shape(penultimate=3), teacher_shape=make_shape())
    network = FakeTeacher()
    objective.bind_teacher(network)
    assert list(objective.state_dict()) == ["connector.weight"]
    assert len(list(objective.parameters())) == 1
    assert list(objective.modules()) == [objective, objective.connector]


def test_crosskd_refuses_teachers_that_cannot_or_must_not() -> None:
    objective = CrossKD(**make_shapes())
    with pytest.raises(ConfigError, match=r"teacher of type Linear; expected a one-stage detector"):
        objective.bind_teacher(torch.nn.Linear(1, 1))
    with pytest.raises(AssertionError, match=r"would train the teacher's head\.person\.weight"):
        objective.bind_teacher(FakeTeacher().requires_grad_())
    with pytest.raises(AssertionError, match="call bind_teacher first"):
        objective(make_taps(seed=1), make_taps(seed=2), make_batch())


@pytest.mark.parametrize("kind", [PKD, CWD])
def test_the_sum_runs_over_levels(kind: type[torch.nn.Module]) -> None:
    student, teacher = make_taps(seed=1), make_taps(seed=2)
    parts = [kind(levels=(stride,), **make_shapes())(student, teacher, make_batch()) for stride in STRIDES]
    torch.testing.assert_close(kind(**make_shapes())(student, teacher, make_batch()), sum(parts))


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ConfigError, match="temperature of cwd is 0"):
        CWD(temperature=0, **make_shapes())
    with pytest.raises(ConfigError, match="beta of crosskd is -1"):
        CrossKD(beta=-1, **make_shapes())
    with pytest.raises(ConfigError, match=r"levels of strides \[\]"):
        PKD(levels=(), **make_shapes())
