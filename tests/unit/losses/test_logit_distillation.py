"""Losses on the logits of two classifiers: golden numbers, loop twins, properties, degenerate batches, errors."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from pipeline.build import OBJECTIVES
from pipeline.errors import ConfigError
from pipeline.losses.distillation.dist import correlation_loss, dist_loss
from pipeline.losses.distillation.dkd import DKD, dkd_loss, dkd_parts
from pipeline.losses.distillation.dtd import dtd_loss
from pipeline.losses.distillation.kd import KD, kd_loss, standardised_logits
from pipeline.losses.distillation.logit_mse import logit_mse_loss
from pipeline.losses.distillation.nkd import nkd_loss
from pipeline.losses.distillation.topk_kd import TopKKD, top_mass, topk_kd_loss
from tests.references import distillation_losses, logit_losses
from tests.unit.losses.make_logits import LABELS, STUDENT, TEACHER, make_batch, make_labels, make_logits, make_taps

ON_LOGITS = ["dist", "dkd", "dtd", "ka", "kd", "logit_mse", "nkd", "topk_kd", "wsl"]
Loss = Callable[[Tensor, Tensor], Tensor]


def make_loss(name: str, **arguments: Any) -> Loss:
    objective = OBJECTIVES[name](**arguments)

    def loss(student: Tensor, teacher: Tensor) -> Tensor:
        labels = make_labels(*student.shape)
        value: Tensor = objective(make_taps(student), make_taps(teacher), make_batch(len(student), labels))
        return value

    return loss


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (partial(dkd_loss, labels=LABELS), 1.778734),
        (lambda s, t: dkd_parts(s, t, LABELS)[0].mean(), 0.194949),
        (lambda s, t: dkd_parts(s, t, LABELS)[1].mean(), 0.197973),
        (partial(nkd_loss, labels=LABELS), 1.269240),
        (dist_loss, 1.229363),
        (lambda s, t: kd_loss(standardised_logits(s), standardised_logits(t), temperature=2.0), 0.304649),
        (partial(topk_kd_loss, k=1), 0.493880),
        (partial(topk_kd_loss, k=2), 0.358823),
        (partial(topk_kd_loss, k=3), 0.293246),
        (partial(topk_kd_loss, k=2, mode="renorm"), 0.246378),
        # Two rows: (1 + 1 + 0.25) / 3 and (0.04 + 0.64 + 2.25) / 3.
        (logit_mse_loss, 0.863333),
    ],
)
def test_golden_values(loss: Loss, expected: float) -> None:
    assert loss(STUDENT, TEACHER).item() == pytest.approx(expected, abs=1.5e-6)


def test_golden_total_and_gradient_of_the_two_supervisors() -> None:
    totals = {1: 0.750827, 2: 0.683299, 3: 0.650510}
    for k, expected in totals.items():
        total = torch.nn.functional.cross_entropy(STUDENT, LABELS) + 0.5 * topk_kd_loss(STUDENT, TEACHER, k=k)
        assert total.item() == pytest.approx(expected, abs=1e-6)
    logits = STUDENT.clone().requires_grad_()
    (torch.nn.functional.cross_entropy(logits, LABELS) + 0.5 * topk_kd_loss(logits, TEACHER, k=2)).backward()
    expected_slope = [[0.001903, -0.103930, 0.102027], [0.191318, 0.088249, -0.279567]]
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad, torch.tensor(expected_slope, dtype=torch.float64), atol=1e-6, rtol=0)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_losses_equal_their_loop_twins(temperature: float) -> None:
    student, teacher, labels = make_logits(seed=1), make_logits(seed=2), make_labels()
    rows = student.tolist(), teacher.tolist()
    named = (*rows, labels.tolist())
    pairs = [
        (dkd_loss(student, teacher, labels, temperature=temperature, alpha=0.7, beta=3.0),
         logit_losses.dkd(*named, temperature, 0.7, 3.0)),
        (nkd_loss(student, teacher, labels, gamma=0.8, temperature=temperature),
         logit_losses.nkd(*named, 0.8, temperature)),
        (dist_loss(student, teacher, temperature=temperature, beta=2.0, gamma=0.5),
         logit_losses.dist(*rows, temperature, 2.0, 0.5)),
        (logit_mse_loss(student, teacher), logit_losses.logit_mse(*rows)),
        (kd_loss(standardised_logits(student), standardised_logits(teacher), temperature=temperature),
         distillation_losses.kd(*([logit_losses.standardised(r) for r in m] for m in rows), temperature, "forward")),
    ]  # fmt: skip
    for value, expected in pairs:
        assert value.item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("mode", ["raw", "renorm"])
@pytest.mark.parametrize(("k", "gate"), [(1, 0.0), (2, 0.6), (3, 0.0), (5, 0.0), (9, 0.0)])
def test_top_classes_equal_their_loop_twin(mode: Any, k: int, gate: float) -> None:
    student, teacher = make_logits(seed=3), make_logits(seed=4)
    expected = logit_losses.topk(student.tolist(), teacher.tolist(), k, mode, gate)
    assert topk_kd_loss(student, teacher, k=k, mode=mode, gate=gate).item() == pytest.approx(expected, abs=1e-12)


def test_dkd_with_the_teachers_doubt_as_weight_is_kd() -> None:
    student, teacher, labels = make_logits(seed=5), make_logits(seed=6), make_labels()
    target, others = dkd_parts(student, teacher, labels, temperature=3.0)
    doubt = 1.0 - (teacher / 3.0).softmax(1).gather(1, labels[:, None])[:, 0]
    torch.testing.assert_close((target + doubt * others).mean(), kd_loss(student, teacher, temperature=3.0))


def test_dkd_of_networks_that_are_sure_stays_finite() -> None:
    student = torch.tensor([[300.0, 0.0, 1.0]], requires_grad=True)
    value = dkd_loss(student, torch.tensor([[-300.0, 5.0, 0.0]]), torch.tensor([0]), temperature=1.0)
    value.backward()
    assert torch.isfinite(value)
    assert student.grad is not None
    assert torch.isfinite(student.grad).all()


def test_dkd_grows_over_its_warmup() -> None:
    objective, views = DKD(warmup=0.2), (make_taps(STUDENT), make_taps(TEACHER), make_batch(2, LABELS))
    full = objective(*views)
    values = []
    for progress in (0.0, 0.1, 0.2, 0.9):
        objective.set_progress(progress)
        values.append((objective(*views) / full).item())
    assert values == pytest.approx([0.0, 0.5, 1.0, 1.0])


def test_correlations_ignore_scale_and_shift_of_the_students_rows() -> None:
    student, teacher = make_logits(seed=7), make_logits(seed=8)
    scale, shift = torch.rand(6, 1).double() + 0.5, torch.randn(6, 1).double()
    torch.testing.assert_close(correlation_loss(scale * student + shift, teacher), correlation_loss(student, teacher))


def test_dist_of_one_image_compares_its_classes_alone() -> None:
    student, teacher = make_logits(1, seed=9), make_logits(1, seed=10)
    assert dist_loss(student, teacher, beta=0.0).item() == 0.0
    assert dist_loss(student, teacher).item() == pytest.approx(dist_loss(student, teacher, gamma=0.0).item())


def test_standardised_logits_have_mean_0_and_deviation_1_and_ignore_scale() -> None:
    logits = make_logits(seed=11)
    rows = standardised_logits(logits)
    torch.testing.assert_close(rows.mean(1), torch.zeros(6).double(), atol=1e-12, rtol=0)
    torch.testing.assert_close(rows.std(1), torch.ones(6).double(), atol=1e-6, rtol=0)
    torch.testing.assert_close(standardised_logits(64.0 * logits + 3.0), rows, atol=1e-6, rtol=0)
    assert torch.equal(standardised_logits(torch.ones(2, 3)), torch.zeros(2, 3))
    assert torch.equal(standardised_logits(torch.ones(2, 1)), torch.zeros(2, 1))


def test_kd_takes_standardised_logits_where_told() -> None:
    views = make_taps(STUDENT), make_taps(TEACHER), make_batch(2)
    assert KD(temperature=2.0, standardise=True)(*views).item() == pytest.approx(0.304649, abs=1e-6)


def test_raw_top_classes_are_lowest_at_the_renormalised_teacher() -> None:
    mass = top_mass(TEACHER, k=2)
    lowest = mass * mass.log()
    assert lowest.tolist() == pytest.approx([-0.085850, -0.065099], abs=1e-6)
    assert topk_kd_loss(make_logits(2, 3, seed=12), TEACHER, k=2) >= lowest.mean()
    student = STUDENT.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([student], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = topk_kd_loss(student, TEACHER, k=2)
        loss.backward()
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    assert topk_kd_loss(student, TEACHER, k=2).item() == pytest.approx(lowest.mean().item(), abs=1e-4)
    values, classes = TEACHER.softmax(1).topk(2, dim=1)
    wanted = torch.zeros_like(TEACHER).scatter(1, classes, values / values.sum(1, keepdim=True))
    torch.testing.assert_close(student.detach().softmax(1), wanted, atol=1e-3, rtol=0)


def test_all_top_classes_are_hinton_kd() -> None:
    student, teacher = make_logits(seed=13), make_logits(seed=14)
    for mode in ("raw", "renorm"):
        for k in (5, 50):
            value = topk_kd_loss(student, teacher, k=k, mode=mode)  # type: ignore[arg-type]
            torch.testing.assert_close(value, kd_loss(student, teacher, temperature=1.0))


def test_renormalised_top_classes_are_a_divergence() -> None:
    for seed in range(20):
        assert topk_kd_loss(make_logits(seed=seed), make_logits(seed=99), k=3, mode="renorm") >= 0


def test_other_classes_of_the_teacher_may_change_places() -> None:
    student, teacher = make_logits(1, 6, seed=15), torch.tensor([[5.0, 4.0, 1.0, 0.5, 0.2, 0.0]]).double()
    swapped = teacher[:, [0, 1, 4, 5, 3, 2]]
    torch.testing.assert_close(topk_kd_loss(student, swapped, k=2), topk_kd_loss(student, teacher, k=2))


def test_facts_of_the_top_classes() -> None:
    objective = TopKKD(k=1, gate=0.7)
    objective(make_taps(STUDENT), make_taps(TEACHER), make_batch(2))
    facts = {name: value.item() for name, value in objective.facts().items()}
    probabilities = TEACHER.softmax(1)
    entropy = -(probabilities * probabilities.log()).sum(1).mean().item()
    assert facts == pytest.approx({"mass": 0.743325, "trusted": 0.5, "entropy": entropy}, abs=1e-6)


def test_images_below_the_gate_count_as_zero() -> None:
    both = [topk_kd_loss(STUDENT[i : i + 1], TEACHER[i : i + 1], k=1).item() for i in range(2)]
    assert topk_kd_loss(STUDENT, TEACHER, k=1, gate=0.7).item() == pytest.approx(both[1] / 2)


@pytest.mark.parametrize("name", ["dkd", "nkd", "ka", "wsl"])
def test_images_without_a_label_are_left_out(name: str) -> None:
    student, teacher = make_logits(seed=16), make_logits(seed=17)
    labels = torch.tensor([0, 1, -1, 3, -1, 0])
    known = labels >= 0
    objective = OBJECTIVES[name]()
    some = objective(make_taps(student), make_taps(teacher), make_batch(6, labels))
    rest = objective(make_taps(student[known]), make_taps(teacher[known]), make_batch(4, labels[known]))
    torch.testing.assert_close(some, rest)
    none = objective(make_taps(student.requires_grad_()), make_taps(teacher), make_batch(6, torch.full((6,), -1)))
    none.backward()
    assert none.item() == 0.0
    assert not student.grad.any()  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ON_LOGITS)
def test_gradcheck_and_no_gradient_for_the_teacher(name: str) -> None:
    student, teacher = make_logits(4, 3, seed=18).requires_grad_(), make_logits(4, 3, seed=19).requires_grad_()
    loss = make_loss(name)
    if name not in ("dtd", "wsl"):  # their temperatures and weights are detached on purpose
        assert torch.autograd.gradcheck(lambda x: loss(x, teacher.detach()), (student,))
    loss(student, teacher).backward()
    assert teacher.grad is None
    assert student.grad is not None
    assert student.grad.any()


def test_gradcheck_of_standardised_logits_and_fixed_temperatures() -> None:
    student, teacher = make_logits(4, 3, seed=20).requires_grad_(), make_logits(4, 3, seed=21)
    tau = torch.tensor([1.0, 2.0, 4.0, 9.0], dtype=torch.float64)
    assert torch.autograd.gradcheck(make_loss("kd", standardise=True), (student, teacher))
    assert torch.autograd.gradcheck(lambda x: dtd_loss(x, teacher, temperatures=tau), (student,))


@pytest.mark.parametrize("name", ON_LOGITS)
def test_a_student_that_says_the_same_has_no_loss_or_the_documented_one(name: str) -> None:
    same = make_logits(seed=22).requires_grad_()
    labels = same.detach().argmax(1)
    value = OBJECTIVES[name]()(make_taps(same), make_taps(same.detach()), make_batch(6, labels))
    value.backward()
    if name not in ("nkd", "wsl"):
        assert value.item() == pytest.approx(0.0, abs=1e-12)
    else:
        assert value.item() > 0
    if name not in ("nkd", "topk_kd"):  # these go on raising the label and lowering the classes outside of the top
        torch.testing.assert_close(same.grad, torch.zeros_like(same), atol=1e-12, rtol=0)


@pytest.mark.parametrize("name", ON_LOGITS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_degenerate_batches_stay_finite_in_every_precision(name: str, dtype: torch.dtype) -> None:
    big = make_logits(3, 40, seed=23, scale=60.0).to(dtype)
    loss = make_loss(name)
    for student in (big, big[:1], torch.zeros_like(big), big[:0], big[:, :1]):
        for teacher in (torch.ones_like(student), student.flip(1)):
            leaf = student.clone().requires_grad_()
            value = loss(leaf, teacher)
            value.backward()
            assert value.dtype == torch.float32
            assert torch.isfinite(value)
            assert leaf.grad is not None
            assert torch.isfinite(leaf.grad).all()
            assert leaf.grad.float().abs().max().item() < 1e4 if len(leaf) else True


@pytest.mark.parametrize("name", [name for name in ON_LOGITS if name not in ("logit_mse", "dtd")])
def test_a_constant_added_to_all_logits_of_an_image_is_not_seen(name: str) -> None:
    student, teacher = make_logits(seed=24), make_logits(seed=25)
    shift = torch.arange(6.0, dtype=torch.float64)[:, None]
    torch.testing.assert_close(make_loss(name)(student + shift, teacher - shift), make_loss(name)(student, teacher))


@pytest.mark.parametrize("name", ON_LOGITS)
def test_different_class_counts_say_what_to_do(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"{name} compares 3 student classes with 4 teacher classes.*use relation"):
        OBJECTIVES[name]()(make_taps(torch.zeros(2, 3)), make_taps(torch.zeros(2, 4)), make_batch(2, LABELS))


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("dkd", {"temperature": 0}, "temperature of dkd is 0; expected a number above 0"),
        ("dkd", {"beta": -1.0}, "dkd has alpha 1.0 and beta -1.0"),
        ("dkd", {"warmup": 20}, "warmup of dkd is 20; expected a share of the training"),
        ("dist", {"temperature": -1}, "temperature of dist is -1"),
        ("dist", {"gamma": -1}, "dist has beta 1.0 and gamma -1"),
        ("nkd", {"temperature": 0}, "temperature of nkd is 0"),
        ("nkd", {"gamma": -1}, "gamma of nkd is -1"),
        ("topk_kd", {"k": 0}, "k of topk_kd is 0"),
        ("topk_kd", {"mode": "rew"}, "mode of topk_kd is 'rew'; expected raw or renorm"),
        ("topk_kd", {"mode": "renorm", "k": 1}, "renormalises one class, which is always 1"),
        ("topk_kd", {"gate": 1.0}, "gate of topk_kd is 1.0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(name: str, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        OBJECTIVES[name](**arguments)
