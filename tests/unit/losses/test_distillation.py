import pytest
import torch
from torch import Tensor

from pipeline.errors import ConfigError
from pipeline.losses.distillation.embedding import EmbeddingMatch, embedding_loss
from pipeline.losses.distillation.kd import KD, kd_loss
from pipeline.losses.distillation.pkt import pkt_loss
from pipeline.losses.distillation.relation import relation_loss
from pipeline.losses.distillation.rkd import rkd_angle_loss, rkd_distance_loss, rkd_loss
from pipeline.types import ReIDBatch, Taps
from tests.references import distillation_losses as twins

STUDENT = torch.tensor([[1.0, 2.0, 0.5], [0.2, -0.3, 1.0]], dtype=torch.float64)
TEACHER = torch.tensor([[2.0, 1.0, 0.0], [0.0, 0.5, 2.5]], dtype=torch.float64)
EMBEDDED_TEACHER = torch.tensor([[1.0, 0, 2], [0, 3, 1], [1, 1, -1]], dtype=torch.float64)
EMBEDDED_STUDENT = torch.tensor([[1.0, 1], [2, 0], [-1, 0.5]], dtype=torch.float64)
RELATIONAL = [relation_loss, rkd_loss, rkd_distance_loss, rkd_angle_loss, pkt_loss]


def make_embeddings(count: int, width: int, *, seed: int = 0) -> Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(("temperature", "expected"), [(1.0, 0.293246), (4.0, 0.319521)])
def test_kd_golden_values(temperature: float, expected: float) -> None:
    assert kd_loss(STUDENT, TEACHER, temperature=temperature).item() == pytest.approx(expected, abs=1e-6)


def test_kd_golden_gradient() -> None:
    logits = STUDENT.clone().requires_grad_()
    kd_loss(logits, TEACHER, temperature=4.0).backward()
    expected = [[-0.206850, 0.158009, 0.048841], [0.144525, 0.002261, -0.146786]]
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad, torch.tensor(expected, dtype=torch.float64), atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("direction", "temperature", "expected"),
    [("forward", 1.0, 0.603052), ("reverse", 1.0, 1.325003), ("forward", 20.0, 1.990044), ("reverse", 20.0, 1.996676)],
)
def test_kd_directions_differ_and_meet_at_high_temperature(direction: str, temperature: float, expected: float) -> None:
    student, teacher = torch.zeros(1, 2, dtype=torch.float64), torch.tensor([[4.0, 0.0]], dtype=torch.float64)
    value = kd_loss(student, teacher, temperature=temperature, direction=direction)  # type: ignore[arg-type]
    assert value.item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("direction", ["forward", "reverse"])
def test_kd_equals_its_loop_twin(direction: str) -> None:
    student, teacher = make_embeddings(5, 7, seed=1), make_embeddings(5, 7, seed=2)
    expected = twins.kd(student.tolist(), teacher.tolist(), 3.0, direction)
    value = kd_loss(student, teacher, temperature=3.0, direction=direction)  # type: ignore[arg-type]
    assert value.item() == pytest.approx(expected, rel=1e-10)


def test_kd_does_not_see_a_constant_added_to_the_logits_of_an_image() -> None:
    shifted = STUDENT + torch.tensor([[5.0], [-3.0]])
    torch.testing.assert_close(kd_loss(shifted, TEACHER), kd_loss(STUDENT, TEACHER))


def test_kd_between_different_class_counts_says_what_to_do() -> None:
    student, teacher = (Taps(x, x, logits=x) for x in (torch.zeros(2, 3), torch.zeros(2, 4)))
    batch = ReIDBatch(torch.zeros(2, 3, 1, 1), torch.arange(2), None, torch.zeros(2, dtype=torch.int64))
    with pytest.raises(ConfigError, match=r"3 student classes with 4 teacher classes.*use relation instead"):
        KD()(student, teacher, batch)


def test_kd_refuses_a_temperature_of_zero() -> None:
    with pytest.raises(ConfigError, match="temperature of kd is 0"):
        KD(temperature=0)


def test_relation_golden_values() -> None:
    student = torch.tensor([[1.0, 0], [0, 1], [1, 1]])
    teacher = torch.tensor([[1.0, 0], [1, 0], [0, 1]])
    assert 3 * relation_loss(student, teacher).item() == pytest.approx(2.0, abs=1e-6)
    two_students, two_teachers = torch.tensor([[1.0, 1], [2, 0]]), torch.tensor([[1.0, 0, 2], [0, 3, 1]])
    assert 2 * relation_loss(two_students, two_teachers).item() == pytest.approx(0.6, abs=1e-6)


def test_rkd_and_pkt_golden_values() -> None:
    assert rkd_loss(EMBEDDED_STUDENT, EMBEDDED_TEACHER).item() == pytest.approx(0.152771, abs=1e-6)
    assert pkt_loss(EMBEDDED_STUDENT, EMBEDDED_TEACHER).item() == pytest.approx(0.107167, abs=1e-6)


@pytest.mark.parametrize(
    ("loss", "twin"),
    [
        (relation_loss, twins.relation),
        (rkd_distance_loss, twins.rkd_distance),
        (rkd_angle_loss, twins.rkd_angle),
        (pkt_loss, twins.pkt),
    ],
)
def test_relational_losses_equal_their_loop_twins(loss, twin) -> None:  # type: ignore[no-untyped-def]
    student, teacher = make_embeddings(6, 4, seed=3), make_embeddings(6, 9, seed=4)
    assert loss(student, teacher).item() == pytest.approx(twin(student.tolist(), teacher.tolist()), rel=1e-8)


@pytest.mark.parametrize("distance", ["cosine", "mse"])
def test_embedding_equals_its_loop_twin(distance: str) -> None:
    student, teacher = make_embeddings(5, 6, seed=5), make_embeddings(5, 6, seed=6)
    expected = twins.embedding(student.tolist(), teacher.tolist(), distance)
    assert embedding_loss(student, teacher, distance=distance).item() == pytest.approx(expected)  # type: ignore[arg-type]


def test_embedding_of_another_width_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"width 128 with a teacher of width 512.*connector"):
        EmbeddingMatch.check_widths(128, 512)


@pytest.mark.parametrize("loss", RELATIONAL)
def test_relations_ignore_rotation_and_scale_of_the_student(loss) -> None:  # type: ignore[no-untyped-def]
    student, teacher = make_embeddings(6, 4, seed=7), make_embeddings(6, 4, seed=8)
    rotation = torch.linalg.qr(make_embeddings(4, 4, seed=9))[0]
    torch.testing.assert_close(loss(3.0 * student @ rotation, teacher), loss(student, teacher))


@pytest.mark.parametrize("loss", RELATIONAL)
def test_relations_are_zero_when_the_teacher_is_the_student(loss) -> None:  # type: ignore[no-untyped-def]
    same = make_embeddings(6, 4, seed=10).requires_grad_()
    value = loss(same, same.detach())
    value.backward()
    assert value.item() == pytest.approx(0.0, abs=1e-12)
    assert same.grad is not None
    assert torch.isfinite(same.grad).all()


@pytest.mark.parametrize("loss", [*RELATIONAL, embedding_loss, kd_loss])
def test_gradcheck_and_no_gradient_for_the_teacher(loss) -> None:  # type: ignore[no-untyped-def]
    student = make_embeddings(4, 3, seed=11).requires_grad_()
    teacher = make_embeddings(4, 3, seed=12).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: loss(x, teacher.detach()), (student,))
    loss(student, teacher).backward()
    assert teacher.grad is None


@pytest.mark.parametrize("loss", [*RELATIONAL, embedding_loss, kd_loss])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_degenerate_batches_stay_finite_in_every_precision(loss, dtype: torch.dtype) -> None:  # type: ignore[no-untyped-def]
    big = (60.0 * make_embeddings(3, 512, seed=13)).to(dtype)
    for student in (big, big[:1], torch.zeros_like(big)):
        leaf = student.clone().requires_grad_()
        value = loss(leaf, torch.ones_like(student))
        value.backward()
        assert value.dtype == torch.float32
        assert torch.isfinite(value)
        assert leaf.grad is not None
        assert torch.isfinite(leaf.grad).all()
