"""Knowledge adjustment, dynamic temperature, weighted soft labels: what changes a target, its heat and its weight."""

from typing import Any

import pytest
import torch

from pipeline.errors import ConfigError
from pipeline.losses.distillation.dtd import DTD, dtd_loss
from pipeline.losses.distillation.image_temperatures import (
    cwsm_weights,
    flsw_weights,
    image_temperatures,
    normalised,
)
from pipeline.losses.distillation.ka import KA, is_wrong, ka_loss, shifted
from pipeline.losses.distillation.kd import kd_loss
from pipeline.losses.distillation.wsl import WSL, wsl_loss, wsl_weights
from pipeline.losses.objective import ObjectiveSum
from pipeline.losses.supervised.cross_entropy import CrossEntropy, cross_entropy_loss
from tests.references import logit_losses as twins
from tests.unit.losses.make_logits import LABELS, STUDENT, TEACHER, make_batch, make_labels, make_logits, make_taps

OPEN = (0.1, 100.0)
VIEWS = make_taps(STUDENT), make_taps(TEACHER), make_batch(2, LABELS)


# --- knowledge adjustment


@pytest.mark.parametrize(("temperature", "expected"), [(1.0, 0.082990), (4.0, 0.134055)])
def test_probability_shift_golden_values(temperature: float, expected: float) -> None:
    assert ka_loss(STUDENT, TEACHER, LABELS, temperature=temperature).item() == pytest.approx(expected, abs=1e-6)


def test_probability_shift_golden_target() -> None:
    target = (shifted(TEACHER, LABELS) / 4.0).softmax(1)
    assert target[0].tolist() == pytest.approx([0.326496, 0.419229, 0.254275], abs=1e-6)


def test_probability_shift_properties() -> None:
    teacher, labels = make_logits(40, 5, seed=1), make_labels(40)
    before = teacher.clone()
    swapped = shifted(teacher, labels)
    assert torch.equal(teacher, before), "a cached answer was changed"
    assert torch.equal(swapped.sort(1).values, teacher.sort(1).values)
    assert torch.equal(swapped.argmax(1), labels)
    assert torch.equal(shifted(swapped, labels), swapped)
    right = ~is_wrong(teacher, labels)
    assert right.any()
    assert torch.equal(swapped[right], teacher[right])
    torch.testing.assert_close(shifted((teacher / 3).softmax(1), labels), (swapped / 3).softmax(1))


@pytest.mark.parametrize("mode", ["ps", "lsr"])
def test_adjusted_loss_equals_its_loop_twin(mode: Any) -> None:
    student, teacher, labels = make_logits(seed=2), make_logits(seed=3), make_labels()
    expected = twins.ka(student.tolist(), teacher.tolist(), labels.tolist(), mode, 4.0, 0.2)
    value = ka_loss(student, teacher, labels, mode=mode, temperature=4.0, smoothing=0.2)
    assert value.item() == pytest.approx(expected, rel=1e-10)


def test_smoothed_rows_are_not_multiplied_by_the_squared_temperature() -> None:
    """Inside a temperature of 4 with its square the batch loss would be 5.18."""
    target = torch.tensor([0.1 / 3, 0.9 + 0.1 / 3, 0.1 / 3], dtype=torch.float64)
    smoothed = (target * (target.log() - STUDENT[0].log_softmax(0))).sum()
    expected = (smoothed + kd_loss(STUDENT[1:], TEACHER[1:])) / 2
    assert ka_loss(STUDENT, TEACHER, LABELS, mode="lsr").item() == pytest.approx(expected.item())
    assert expected.item() == pytest.approx(0.2502, abs=1e-4)


def test_smoothing_to_the_end_is_finite() -> None:
    for smoothing in (0.0, 1.0):
        assert torch.isfinite(ka_loss(STUDENT, TEACHER, LABELS, mode="lsr", smoothing=smoothing))


def test_a_teacher_that_is_right_is_plain_kd() -> None:
    student, teacher = make_logits(seed=4), make_logits(seed=5)
    for mode in ("ps", "lsr"):
        value = ka_loss(student, teacher, teacher.argmax(1), mode=mode)  # type: ignore[arg-type]
        torch.testing.assert_close(value, kd_loss(student, teacher))


def test_the_share_of_changed_rows_is_a_fact() -> None:
    objective = KA()
    assert objective.facts() == {}
    objective(*VIEWS)
    assert objective.facts()["changed"].item() == 0.5
    objective(make_taps(STUDENT), make_taps(TEACHER), make_batch(2, torch.tensor([-1, 2])))
    assert objective.facts()["changed"].item() == 0.0


# --- dynamic temperature


@pytest.mark.parametrize(
    ("weights", "tau0", "beta", "expected"),
    [
        (normalised(flsw_weights(STUDENT, TEACHER)), 4.0, 1.0, [3.877354, 4.122646]),
        (flsw_weights(STUDENT, TEACHER), 4.0, 1.0, [3.956807, 4.043193]),
        (normalised(flsw_weights(STUDENT, TEACHER)), 10.0, 40.0, [5.094164, 14.905836]),
        (normalised(cwsm_weights(STUDENT)), 4.0, 1.0, [4.019749, 3.980251]),
    ],
)
def test_temperature_golden_values(weights: torch.Tensor, tau0: float, beta: float, expected: list[float]) -> None:
    tau = image_temperatures(weights, tau0=tau0, beta=beta, clamp=OPEN)
    assert tau.tolist() == pytest.approx(expected, abs=1e-6)


def test_cosine_golden_values() -> None:
    assert (1 - flsw_weights(STUDENT, TEACHER)).tolist() == pytest.approx([0.780720, 0.867106], abs=1e-6)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [({}, 0.320100), ({"adjust": "ps"}, 0.134115), ({"kind": "cwsm"}, 0.319429)],
)
def test_dynamic_temperature_golden_losses(arguments: dict[str, Any], expected: float) -> None:
    assert DTD(beta=1.0, **arguments)(*VIEWS).item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_temperatures_and_loss_equal_their_loop_twins(gamma: float, center: bool) -> None:
    student, teacher = make_logits(seed=6), make_logits(seed=7)
    rows = student.tolist(), teacher.tolist()
    weights = twins.flsw(*rows, gamma, center)
    assert flsw_weights(student, teacher, gamma=gamma, center=center).tolist() == pytest.approx(weights)
    taus = twins.temperatures(weights, 4.0, 3.0, 1.0, 5.0)
    objective = DTD(weights="raw", beta=3.0, gamma=gamma, center=center, clamp=(1.0, 5.0))
    assert objective.temperatures(student, teacher).tolist() == pytest.approx(taus)
    value = objective(make_taps(student), make_taps(teacher), make_batch(6))
    assert value.item() == pytest.approx(twins.dtd(*rows, taus))
    assert cwsm_weights(student).tolist() == pytest.approx(twins.cwsm(rows[0]))


@pytest.mark.parametrize("kind", ["flsw", "cwsm"])
@pytest.mark.parametrize("weights", ["sum1", "raw"])
def test_the_mean_temperature_is_the_configured_one_before_clamping(kind: Any, weights: Any) -> None:
    objective = DTD(kind=kind, weights=weights, clamp=(1e-3, 1e3))
    tau = objective.temperatures(make_logits(seed=8), make_logits(seed=9))
    assert tau.mean().item() == pytest.approx(4.0)
    assert tau.std() > 0


def test_the_spread_does_not_depend_on_the_batch_size() -> None:
    student, teacher = make_logits(seed=10), make_logits(seed=11)
    twice = DTD(clamp=OPEN).temperatures(torch.cat([student, student]), torch.cat([teacher, teacher]))
    torch.testing.assert_close(twice[:6], DTD(clamp=OPEN).temperatures(student, teacher))
    weights = normalised(flsw_weights(student, teacher))
    torch.testing.assert_close(
        DTD(clamp=OPEN, rho=0.5).temperatures(student, teacher), 4 * (1 + 0.5 * (1 - 6 * weights))
    )


def test_equal_weights_are_plain_kd_at_the_mean_temperature() -> None:
    student = make_logits(1, seed=12).expand(4, -1)
    teacher = make_logits(1, seed=13).expand(4, -1)
    value = DTD(tau0=3.0)(make_taps(student), make_taps(teacher), make_batch(4))
    torch.testing.assert_close(value, kd_loss(student, teacher, temperature=3.0))


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_student_and_teacher_that_agree_get_the_mean_temperature(gamma: float) -> None:
    same = make_logits(seed=14)
    objective = DTD(gamma=gamma)
    tau = objective.temperatures(same, same.clone())
    assert torch.isfinite(tau).all()
    assert objective(make_taps(same), make_taps(same), make_batch(6)).item() == pytest.approx(0.0, abs=1e-12)
    assert normalised(torch.zeros(4)).tolist() == [0.25] * 4


def test_one_dominant_image_is_clamped() -> None:
    weights = normalised(torch.cat([torch.full((127,), 1e-4), torch.ones(1)]))
    wild = image_temperatures(weights, tau0=10.0, beta=40.0, clamp=(-1e3, 1e3))
    assert wild.min().item() < -25
    assert image_temperatures(weights, tau0=10.0, beta=40.0, clamp=(1.0, 30.0)).min().item() == 1.0


def test_centring_makes_the_temperature_blind_to_a_constant() -> None:
    student, teacher = make_logits(seed=15), make_logits(seed=16)
    shift = torch.arange(6.0, dtype=torch.float64)[:, None]
    for center in (False, True):
        pair = [flsw_weights(s, teacher, center=center) for s in (student, student + shift)]
        assert torch.allclose(*pair) == center


def test_temperatures_come_from_the_teachers_own_answers() -> None:
    plain, adjusted = DTD(), DTD(adjust="ps")
    plain(*VIEWS)
    adjusted(*VIEWS)
    assert adjusted.facts()["min_temperature"] == plain.facts()["min_temperature"]
    assert adjusted.facts()["changed"].item() == 0.5
    assert set(plain.facts()) == {"min_temperature", "mean_temperature", "max_temperature"}
    assert plain.facts()["min_temperature"] < plain.facts()["mean_temperature"] < plain.facts()["max_temperature"]


def test_temperatures_carry_no_gradient() -> None:
    student, teacher = make_logits(4, 3, seed=17).requires_grad_(), make_logits(4, 3, seed=18)
    objective = DTD()
    tau = objective.temperatures(student, teacher)
    assert not tau.requires_grad
    (ours,) = torch.autograd.grad(objective(make_taps(student), make_taps(teacher), make_batch(4)), student)
    (fixed,) = torch.autograd.grad(dtd_loss(student, teacher, temperatures=tau), student)
    torch.testing.assert_close(ours, fixed)


def test_what_it_needs_follows_its_settings() -> None:
    assert (DTD().reads, DTD().needs_labels, DTD().needs_identities) == (("logits",), False, False)
    adjusted = DTD(adjust="ps")
    assert (adjusted.reads, adjusted.needs_labels, adjusted.needs_identities) == (("logits", "labels"), True, True)
    assert (WSL().needs_identities, WSL(weights="one").needs_identities) == (True, False)
    assert WSL(weights="one").reads == ("logits",)


# --- weighted soft labels


def test_weighted_soft_labels_golden_values() -> None:
    weights = wsl_weights(STUDENT, TEACHER, LABELS)
    assert weights.tolist() == pytest.approx([0.281004, 0.936843], abs=1e-6)
    for temperature, alpha, soft, total in ((2.0, 2.5, 2.503579, 6.762835), (4.0, 2.25, 10.533555, 24.204385)):
        terms = {
            "cross_entropy": (CrossEntropy(smoothing=0.0), 1.0),
            "wsl": (WSL(temperature=temperature), alpha),
        }
        said = ObjectiveSum(terms)(*VIEWS)  # type: ignore[arg-type]
        assert said.parts["wsl"].item() == pytest.approx(soft, abs=2e-6)
        assert said.total.item() == pytest.approx(total, abs=2e-5)
    assert said.facts["wsl.divergence"].item() == pytest.approx(0.169775, abs=1e-6)


def test_weighted_soft_labels_golden_gradient() -> None:
    student = STUDENT.clone().requires_grad_()
    weights = wsl_weights(student, TEACHER, LABELS)
    assert not weights.requires_grad
    (
        cross_entropy_loss(student, LABELS) + 2.5 * wsl_loss(student, TEACHER, weights=weights, temperature=2.0)
    ).backward()
    expected = [[-0.035234, -0.063618, 0.098852], [0.440977, 0.116035, -0.557012]]
    torch.testing.assert_close(student.grad, torch.tensor(expected, dtype=torch.float64), atol=1e-6, rtol=0)


def test_weighted_soft_labels_have_the_closed_gradient() -> None:
    student, teacher, labels = make_logits(seed=19).requires_grad_(), make_logits(seed=20), make_labels()
    weights = wsl_weights(student, teacher, labels)
    wsl_loss(student, teacher, weights=weights, temperature=3.0).backward()
    expected = 3.0 * weights[:, None] * ((student / 3).softmax(1) - (teacher / 3).softmax(1)) / 6
    torch.testing.assert_close(student.grad, expected.detach())


def test_weighted_soft_labels_equal_their_loop_twins() -> None:
    student, teacher, labels = make_logits(seed=21), make_logits(seed=22), make_labels()
    weights = twins.wsl_weights(student.tolist(), teacher.tolist(), labels.tolist())
    assert wsl_weights(student, teacher, labels).tolist() == pytest.approx(weights, rel=1e-9)
    expected = twins.wsl(student.tolist(), teacher.tolist(), weights, 4.0)
    value = wsl_loss(student, teacher, weights=torch.tensor(weights, dtype=torch.float64))
    assert value.item() == pytest.approx(expected)


def test_the_weight_rises_with_the_students_doubt_and_falls_with_the_teachers() -> None:
    """Along rows of networks that are more and more sure of the label."""
    sure = torch.stack([torch.tensor([float(i) / 2, 0.0, 0.0], dtype=torch.float64) for i in range(6)])
    label, other = torch.zeros(6, dtype=torch.int64), sure[2].expand(6, -1)
    assert (wsl_weights(sure, other, label).diff() < 0).all()
    assert (wsl_weights(other, sure, label).diff() > 0).all()
    assert wsl_weights(sure, sure, label).tolist() == pytest.approx([1 - 1 / 2.718281828] * 6, abs=1e-6)


def test_facts_of_weighted_soft_labels() -> None:
    objective = WSL()
    student = torch.tensor([[0.0, 4.0], [0.1, 0.0]], dtype=torch.float64)
    teacher = torch.tensor([[4.0, 0.0], [0.0, 0.0]], dtype=torch.float64)
    objective(make_taps(student), make_taps(teacher), make_batch(2, torch.tensor([0, 0])))
    facts = objective.facts()
    assert facts["saturated"].item() == 0.5
    assert facts["weight"] == wsl_weights(student, teacher, torch.tensor([0, 0])).mean()
    objective(make_taps(teacher), make_taps(teacher), make_batch(2, torch.tensor([0, 0])))
    assert objective.facts()["divergence"].item() == pytest.approx(0.0, abs=1e-12)


def test_weights_of_one_are_kd_up_to_a_constant() -> None:
    student, teacher = make_logits(seed=23).requires_grad_(), make_logits(seed=24)
    objective = WSL(weights="one")
    value = objective(make_taps(student), make_taps(teacher), make_batch(6))
    (ours,) = torch.autograd.grad(value, student)
    (plain,) = torch.autograd.grad(kd_loss(student, teacher), student)
    torch.testing.assert_close(ours, plain)
    assert set(objective.facts()) == {"divergence"}
    torch.testing.assert_close(objective.facts()["divergence"], kd_loss(student, teacher).detach())


@pytest.mark.parametrize(
    ("kind", "arguments", "words"),
    [
        (KA, {"mode": "swap"}, "mode of ka is 'swap'; expected ps or lsr"),
        (KA, {"temperature": 0}, "temperature of ka is 0"),
        (KA, {"smoothing": 0.1}, "smoothing in mode ps, which has no use for it"),
        (KA, {"mode": "lsr", "smoothing": 2.0}, "smoothing of ka is 2.0"),
        (DTD, {"kind": "flws"}, "kind of dtd is 'flws'"),
        (DTD, {"weights": "sum2"}, "weights of dtd are 'sum2'"),
        (DTD, {"adjust": "lsr"}, "adjust of dtd is 'lsr'"),
        (DTD, {"tau0": 20.0}, r"dtd has tau0 20.0 and clamp \[1.0, 12.0\]; expected 0 < lowest <= tau0 <= highest"),
        (DTD, {"clamp": (0.0, 5.0)}, "expected 0 < lowest"),
        (DTD, {"gamma": 0.0}, "gamma of dtd is 0.0"),
        (DTD, {"kind": "cwsm", "gamma": 2.0}, "cwsm has gamma or center, which it does not use"),
        (DTD, {"kind": "cwsm", "center": True}, "cwsm has gamma or center"),
        (DTD, {"rho": 0.5, "beta": 1.0}, "dtd has rho and beta"),
        (DTD, {"rho": 0.5, "weights": "raw"}, "dtd has rho and weights raw"),
        (DTD, {"rho": -0.5}, "dtd has rho -0.5"),
        (WSL, {"temperature": 0}, "temperature of wsl is 0"),
        (WSL, {"weights": "off"}, "weights of wsl are 'off'; expected labels or one"),
    ],
)
def test_settings_that_make_no_sense_are_refused(kind: Any, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        kind(**arguments)
