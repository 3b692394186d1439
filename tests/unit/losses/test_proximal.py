import pytest
import torch

from pipeline.errors import ConfigError
from pipeline.losses.distillation.kd import kd_loss
from pipeline.losses.distillation.proximal import Proximal, proximal_loss
from pipeline.types import ReIDBatch, Taps
from tests.references import teaching as twins

STUDENT = torch.tensor([[1.0, 2.0, 0.5], [0.2, -0.3, 1.0]], dtype=torch.float64)
TEACHER = torch.tensor([[2.0, 1.0, 0.0], [0.0, 0.5, 2.5]], dtype=torch.float64)
LABELS = torch.tensor([1, 2])


def make_taps(logits: torch.Tensor) -> Taps:
    return Taps(embedding=torch.zeros(len(logits), 2), bn_embedding=torch.zeros(len(logits), 2), logits=logits)


def make_batch(labels: torch.Tensor = LABELS) -> ReIDBatch:
    count = len(labels)
    return ReIDBatch(torch.zeros(count, 3, 2, 1), torch.arange(count), labels, torch.zeros(count, dtype=torch.int64))


def call(objective: Proximal, teacher: torch.Tensor = TEACHER, student: torch.Tensor = STUDENT) -> torch.Tensor:
    return objective(make_taps(teacher), make_taps(student), make_batch())


def test_golden_values() -> None:
    assert kd_loss(TEACHER, STUDENT, temperature=1.0).item() == pytest.approx(0.309207, abs=1e-6)
    assert proximal_loss(TEACHER, STUDENT, LABELS, lam=0.4).item() == pytest.approx(0.604985, abs=1e-6)


def test_the_objective_is_its_pure_function() -> None:
    objective = Proximal(lam=0.3, temperature=2.0)
    expected = proximal_loss(TEACHER, STUDENT, LABELS, lam=0.3, temperature=2.0)
    assert call(objective).item() == expected.item()
    assert set(objective.facts()) == {"distance"}


def test_golden_gradient() -> None:
    logits = TEACHER.clone().requires_grad_()
    proximal_loss(logits, STUDENT, LABELS, lam=0.4).backward()
    expected = [[0.286376, -0.303342, 0.016966], [-0.018478, 0.023927, -0.005449]]
    torch.testing.assert_close(logits.grad, torch.tensor(expected, dtype=torch.float64), atol=1e-6, rtol=0)


@pytest.mark.parametrize(("eps", "loss", "after"), [(1.0, 0.111377, 0.999309), (0.05, 1.061377, 1.000259)])
def test_golden_values_of_the_constrained_rule(eps: float, loss: float, after: float) -> None:
    objective = Proximal(rule="constrained", eps=eps, eta=1e-3, beta0=1.0)
    assert call(objective).item() == pytest.approx(loss, abs=1e-6)
    assert objective.beta.item() == pytest.approx(after, abs=1e-6)
    assert objective.facts()["beta"].item() == 1.0
    assert objective.facts()["distance"].item() == pytest.approx(0.309207, abs=1e-6)


def test_beta_never_falls_below_zero_and_a_loose_constraint_switches_the_student_off() -> None:
    objective = Proximal(rule="constrained", eps=5.0, eta=1.0, beta0=0.5)
    call(objective)
    assert objective.beta.item() == 0.0
    assert call(objective).item() == pytest.approx(proximal_loss(TEACHER, STUDENT, LABELS, lam=0.0).item(), abs=1e-6)


@pytest.mark.parametrize("temperature", [1.0, 3.0])
@pytest.mark.parametrize("lam", [0.0, 0.3, 1.0])
def test_equals_its_loop_twin(lam: float, temperature: float) -> None:
    generator = torch.Generator().manual_seed(3)
    teacher, student = (torch.randn(5, 7, generator=generator, dtype=torch.float64) for _ in range(2))
    labels = torch.tensor([0, 6, 3, 3, 1])
    expected = twins.proximal(teacher.tolist(), student.tolist(), labels.tolist(), lam, temperature)
    value = proximal_loss(teacher, student, labels, lam=lam, temperature=temperature)
    assert value.item() == pytest.approx(expected, rel=1e-10)


def test_the_gradient_points_away_from_the_closed_form_optimum() -> None:
    logits = TEACHER.clone().requires_grad_()
    proximal_loss(logits, STUDENT, LABELS, lam=0.4).backward()
    optimum = [twins.proximal_optimum(row, label, 0.4) for row, label in zip(STUDENT.tolist(), [1, 2], strict=True)]
    expected = (torch.softmax(TEACHER, 1) - torch.tensor(optimum, dtype=torch.float64)) / len(TEACHER)
    torch.testing.assert_close(logits.grad, expected, atol=1e-12, rtol=0)


def test_a_free_teacher_descends_to_the_optimum_and_a_perfect_student_reaches_the_label() -> None:
    student, seen = torch.zeros(1, 3, dtype=torch.float64), []
    for _ in range(6):
        free = student.clone().requires_grad_()
        optimizer = torch.optim.LBFGS([free], lr=1.0, max_iter=200, tolerance_grad=1e-12, line_search_fn="strong_wolfe")

        def closure(free: torch.Tensor = free, student: torch.Tensor = student) -> torch.Tensor:
            free.grad = None
            loss = proximal_loss(free, student, torch.tensor([1]), lam=0.4)
            loss.backward()
            return loss

        optimizer.step(closure)
        student = free.detach()
        seen.append(torch.softmax(student, 1)[0, 1].item())
    assert seen == pytest.approx([0.733333, 0.893333, 0.957333, 0.982933, 0.993173, 0.997269], abs=1e-4)
    assert seen == pytest.approx(twins.tabular_rounds(3, 1, 0.4, 6), abs=1e-4)


def test_gradcheck() -> None:
    logits = TEACHER.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda z: proximal_loss(z, STUDENT, LABELS, lam=0.4, temperature=2.0), (logits,))


def test_two_that_agree_have_nothing_to_lose_without_labels() -> None:
    assert proximal_loss(TEACHER, TEACHER, LABELS, lam=1.0).item() == pytest.approx(0.0, abs=1e-12)
    assert kd_loss(TEACHER, TEACHER).item() == pytest.approx(0.0, abs=1e-12)


def test_no_gradient_reaches_the_student() -> None:
    logits, other = TEACHER.clone().requires_grad_(), STUDENT.clone().requires_grad_()
    call(Proximal(), logits, other).backward()
    assert logits.grad is not None
    assert other.grad is None


@pytest.mark.parametrize("rule", ["weighted", "constrained"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_degenerate_batches_are_finite_in_any_precision(rule: str, dtype: torch.dtype) -> None:
    objective = Proximal(rule=rule)  # type: ignore[arg-type]
    for logits in (torch.zeros(1, 3, dtype=dtype), torch.full((1, 3), 60.0, dtype=dtype)):
        learner = logits.clone().requires_grad_()
        value = objective(make_taps(learner), make_taps(logits), make_batch(torch.tensor([-1])))
        value.backward()
        assert value.dtype == torch.float32
        assert torch.isfinite(value)
        assert torch.isfinite(learner.grad).all()


def test_beta_is_kept_in_the_state() -> None:
    objective, other = Proximal(rule="constrained", eta=0.5), Proximal(rule="constrained", eta=0.5)
    call(objective)
    other.load_state_dict(objective.state_dict())
    assert other.beta.item() == objective.beta.item() != 1.0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"lam": 1.5}, "lam of proximal is 1.5"),
        ({"temperature": 0.0}, "temperature of proximal is 0.0"),
        ({"eta": -1.0}, "eta -1.0"),
    ],
)
def test_numbers_out_of_range_are_told(arguments: dict, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Proximal(**arguments)


def test_other_people_are_told() -> None:
    with pytest.raises(ConfigError, match="3 teacher classes with 4 student classes"):
        call(Proximal(), TEACHER, torch.zeros(2, 4))
