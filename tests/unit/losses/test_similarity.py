"""Gram matrices and distance matrices of one batch."""

from typing import Any

import pytest
import torch
from torch import Tensor

from pipeline.errors import ConfigError
from pipeline.losses.distillation.distance_matrix import DistanceMatrix, distance_matrix_loss
from pipeline.losses.distillation.relation import relation_loss
from pipeline.losses.distillation.sp import SP, sp_loss
from pipeline.types import Taps
from tests.references import logit_losses as twins
from tests.unit.losses.make_logits import make_batch, make_logits

STUDENT = torch.tensor([[1.0, 1], [2, 0]], dtype=torch.float64)
TEACHER = torch.tensor([[1.0, 0, 2], [0, 3, 1]], dtype=torch.float64)
LOSSES = [sp_loss, distance_matrix_loss]


def make_map_taps(rows: Tensor, *, name: str = "last") -> Taps:
    return Taps(rows * 0, rows * 0, maps={name: rows[:, :, None, None]})


def test_golden_values() -> None:
    assert sp_loss(STUDENT, TEACHER).item() == pytest.approx(0.058046, abs=1e-6)
    three = [[1.0, 1], [2, 0], [-1, 0.5]], [[1.0, 0, 2], [0, 3, 1], [1, 1, -1]]
    assert sp_loss(*map(torch.tensor, three)).item() == pytest.approx(0.281096, abs=1e-6)
    assert distance_matrix_loss(STUDENT, TEACHER).item() == pytest.approx(0.6, abs=1e-6)
    corner = torch.tensor([[1.0, 0], [0, 1], [1, 1]]), torch.tensor([[1.0, 0], [1, 0], [0, 1]])
    assert distance_matrix_loss(*corner).item() == pytest.approx(2.0, abs=1e-6)


def test_what_it_is_often_mistaken_for_has_other_values() -> None:
    def value(normalise: Any) -> float:
        ours, theirs = normalise(STUDENT), normalise(TEACHER)
        return (ours - theirs).square().sum().item() / 4

    def unit(rows: Tensor, p: float = 2.0) -> Tensor:
        return torch.nn.functional.normalize(rows, p=p, dim=1)

    assert value(lambda q: unit(q @ q.T, p=1.0)) == pytest.approx(0.036848, abs=1e-6)
    assert value(lambda q: unit(q) @ unit(q).T) == pytest.approx(0.090000, abs=1e-6)
    assert value(lambda q: q @ q.T / (q @ q.T).norm()) == pytest.approx(0.024782, abs=1e-6)
    assert sp_loss(STUDENT, TEACHER).item() == pytest.approx(value(lambda q: unit(q @ q.T)))


@pytest.mark.parametrize(("loss", "twin"), [(sp_loss, twins.sp), (distance_matrix_loss, twins.distance_matrix)])
def test_losses_equal_their_loop_twins(loss: Any, twin: Any) -> None:
    student, teacher = make_logits(6, 4, seed=1), make_logits(6, 9, seed=2)
    student[2] = 0.0
    assert loss(student, teacher).item() == pytest.approx(twin(student.tolist(), teacher.tolist()), rel=1e-9)


@pytest.mark.parametrize("loss", LOSSES)
def test_rotation_scale_and_order_do_not_matter(loss: Any) -> None:
    student, teacher = make_logits(6, 4, seed=3), make_logits(6, 4, seed=4)
    rotation = torch.linalg.qr(make_logits(4, 4, seed=5))[0]
    torch.testing.assert_close(loss(3.0 * student @ rotation, teacher), loss(student, teacher))
    order = torch.tensor([3, 1, 5, 0, 2, 4])
    torch.testing.assert_close(loss(student[order], teacher[order]), loss(student, teacher))


def test_the_length_of_a_single_image_matters_to_sp() -> None:
    longer = STUDENT * torch.tensor([[1.0], [3.0]], dtype=torch.float64)
    assert sp_loss(longer, TEACHER).item() == pytest.approx(0.177289, abs=1e-6)


def test_sp_is_at_most_4_over_the_batch() -> None:
    for count in (2, 8, 32):
        student, teacher = make_logits(count, 3, seed=count), make_logits(count, 3, seed=count + 1)
        assert sp_loss(student, teacher) <= 4 / count
        assert sp_loss(student.abs(), teacher.abs()) <= 2 / count
    assert sp_loss(torch.tensor([[-1.0], [1.0]]), torch.eye(2)) > 0


@pytest.mark.parametrize("loss", LOSSES)
def test_no_loss_and_no_slope_when_the_teacher_is_the_student(loss: Any) -> None:
    same = make_logits(6, 4, seed=6).requires_grad_()
    value = loss(same, same.detach())
    value.backward()
    assert value.item() == pytest.approx(0.0, abs=1e-12)
    assert torch.equal(same.grad, torch.zeros_like(same))


@pytest.mark.parametrize("loss", LOSSES)
def test_gradcheck_and_no_gradient_for_the_teacher(loss: Any) -> None:
    student, teacher = make_logits(4, 3, seed=7).requires_grad_(), make_logits(4, 5, seed=8).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: loss(x, teacher.detach()), (student,))
    loss(student, teacher).backward()
    assert teacher.grad is None


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_degenerate_batches_stay_finite_in_every_precision(loss: Any, dtype: torch.dtype) -> None:
    # Half a million entries of size 1.5: their Gram matrix is infinite in half precision.
    big = torch.full((2, 65536 * 4), 1.5, dtype=dtype)
    big[1, ::2] = 0.0
    half_dead = big.clone()
    half_dead[0] = 0.0
    for student in (big, big[:1], torch.zeros_like(big), half_dead, big[:0]):
        leaf = student.clone().requires_grad_()
        value = loss(leaf, torch.ones_like(student))
        value.backward()
        assert value.dtype == torch.float32
        assert torch.isfinite(value)
        assert leaf.grad is not None
        assert torch.isfinite(leaf.grad).all()
        assert not leaf.grad.numel() or leaf.grad.float().abs().max() < 10


def test_an_image_without_features_is_left_out_of_sp() -> None:
    student, teacher = make_logits(5, 3, seed=9), make_logits(5, 3, seed=10)
    student[4] = 0.0
    ours, theirs = (rows @ rows.T / (rows @ rows.T).norm(dim=1, keepdim=True) for rows in (student, teacher))
    expected = (ours[:4] - theirs[:4]).square().sum() / 25
    torch.testing.assert_close(sp_loss(student, teacher), expected)


def test_distance_matrix_is_relation_times_the_batch() -> None:
    student, teacher = make_logits(6, 4, seed=11), make_logits(6, 4, seed=12)
    torch.testing.assert_close(distance_matrix_loss(student, teacher), 6 * relation_loss(student, teacher))


def test_sp_of_a_map_is_scaled_by_gamma_and_the_batch() -> None:
    views = make_map_taps(STUDENT), make_map_taps(TEACHER), make_batch(2)
    assert SP(scale_with_batch=False)(*views).item() == pytest.approx(174.1367, abs=1e-3)
    assert SP()(*views).item() == pytest.approx(174.1367 * 2 / 128, abs=1e-4)
    assert SP(gamma=1.0, scale_with_batch=False)(*views).item() == pytest.approx(0.058046, abs=1e-6)


def test_sp_reads_the_tap_that_it_is_told() -> None:
    for tap in ("embedding", "bn_embedding", "last", "stage1", "stage12"):
        is_map = tap not in ("embedding", "bn_embedding")
        objective = SP(tap=tap)
        assert objective.reads == (f"maps:{tap}" if is_map else tap,)
        assert objective.gamma == (3000.0 if is_map else 100.0)
        ours, theirs = (
            make_map_taps(rows, name=tap) if is_map else Taps(**{"embedding": rows, "bn_embedding": rows})
            for rows in (STUDENT, TEACHER)
        )
        assert objective(ours, theirs, make_batch(2)).item() > 0
    assert DistanceMatrix(tap="bn_embedding").reads == ("bn_embedding",)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"tap": "maps:last"}, "tap of sp is 'maps:last'; expected embedding, bn_embedding, last, or stage1"),
        ({"tap": "stage0"}, "tap of sp is 'stage0'"),
        ({"gamma": 0.0}, "gamma of sp is 0.0"),
        ({"eps": 0.0}, "eps of sp is 0.0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        SP(**arguments)
