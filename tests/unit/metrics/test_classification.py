"""Accuracy, agreement and calibration of classifiers."""

import numpy as np
import pytest

from pipeline.errors import DataError
from pipeline.metrics.classification import (
    agreement,
    calibration_error,
    mean_negative_log_likelihood,
    probabilities,
    top_k_hits,
)
from tests.references import classification as slow

STUDENT = np.array([[1.0, 2.0, 0.5], [0.2, -0.3, 1.0]])
TEACHER = np.array([[2.0, 1.0, 0.0], [0.0, 0.5, 2.5]])
LABELS = np.array([1, 2])


def make_logits(seed: int, count: int = 40, classes: int = 7) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    # Rounded, so that there are ties.
    return np.round(generator.normal(0, 2, (count, classes)), 0), generator.integers(0, classes, count)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("bins", [1, 4, 15])
def test_fast_and_slow_agree(seed, bins):
    logits, labels = make_logits(seed)
    for k in (1, 2, 5, 7, 100):
        assert top_k_hits(logits, labels, k=k).mean() == pytest.approx(slow.top_k_share(logits, labels, k))
    assert calibration_error(logits, labels, bins=bins) == pytest.approx(slow.calibration_error(logits, labels, bins))
    expected = slow.negative_log_likelihood(logits, labels)
    assert mean_negative_log_likelihood(logits, labels) == pytest.approx(expected)


def test_golden_values():
    assert probabilities(STUDENT) == pytest.approx(
        np.array([[0.231224, 0.628532, 0.140244], [0.260955, 0.158277, 0.580767]]), abs=1e-6
    )
    assert mean_negative_log_likelihood(STUDENT, LABELS) == pytest.approx(0.503887, abs=1e-6)
    # Both right, with confidences .628532 and .580767 in different bins.
    assert calibration_error(STUDENT, LABELS) == pytest.approx((2 - 0.628532 - 0.580767) / 2, abs=1e-6)
    assert top_k_hits(TEACHER, LABELS, k=1).tolist() == [False, True]
    assert agreement(STUDENT, TEACHER) == 0.5


def test_a_constant_answer_gets_no_gift_from_ties():
    labels = np.arange(10)
    assert top_k_hits(np.zeros((10, 10)), labels, k=1).sum() == 1
    assert top_k_hits(np.zeros((10, 10)), labels, k=5).sum() == 5


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_shifts_change_nothing_and_large_logits_do_not_overflow(scale):
    logits, labels = make_logits(3)
    logits = logits * scale
    for measure in (calibration_error, mean_negative_log_likelihood):
        value = measure(logits, labels)
        assert np.isfinite(value)
        assert measure(logits + 5.0, labels) == pytest.approx(value)
    assert 0 <= calibration_error(logits, labels) <= 1


def test_one_sure_and_right_image_is_calibrated():
    assert calibration_error(np.array([[50.0, 0.0]]), np.array([0])) == pytest.approx(0.0)
    assert calibration_error(np.array([[50.0, 0.0]]), np.array([1])) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("logits", "labels"),
    [
        (np.zeros((0, 3)), np.zeros(0, int)),
        (np.zeros((2, 3)), np.array([0])),
        (np.zeros((2, 3)), np.array([0, 3])),
        (np.zeros((2, 3)), np.array([0, -1])),
    ],
)
def test_what_does_not_fit_is_refused(logits, labels):
    for measure in (calibration_error, mean_negative_log_likelihood, lambda a, b: top_k_hits(a, b, k=1)):
        with pytest.raises(DataError):
            measure(logits, labels)


def test_agreement_needs_the_same_images():
    with pytest.raises(DataError):
        agreement(np.zeros((2, 3)), np.zeros((3, 3)))
    with pytest.raises(DataError):
        agreement(np.zeros((0, 3)), np.zeros((0, 3)))
