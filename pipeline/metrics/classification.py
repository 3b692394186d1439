"""How good a classifier's answers are: right among the first k, calibrated, in agreement with another's."""

import numpy as np

from pipeline.errors import DataError


def top_k_hits(logits: np.ndarray, labels: np.ndarray, *, k: int) -> np.ndarray:
    """Return for every image whether its class is among the k highest logits.

    Among equal logits the lower class comes first, so that a network that always says the same gets no gift.

    Args:
        logits: (N, C) finite.
        labels: (N,) int in 0..C-1.
        k: at least 1; more than C counts as C.

    Returns:
        (N,) bool.

    Raises:
        DataError: the shapes do not fit, there is no image, or a label is none of the classes.
    """
    _check(logits, labels)
    own = logits[np.arange(len(labels)), labels]
    classes = np.arange(logits.shape[1])
    before = (logits > own[:, None]) | ((logits == own[:, None]) & (classes < labels[:, None]))
    return before.sum(axis=1) < k


def agreement(one: np.ndarray, other: np.ndarray) -> float:
    """Return the share of images for which two classifiers name the same class.

    Args:
        one: (N, C) logits.
        other: (N, C) logits.

    Raises:
        DataError: the shapes differ, or there is no image.
    """
    if one.shape != other.shape or len(one) == 0:
        raise DataError(f"logits of shapes {one.shape} and {other.shape}", "the same images and classes, one at least")
    return float((one.argmax(axis=1) == other.argmax(axis=1)).mean())


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Return the softmax over classes in double precision.

    Args:
        logits: (N, C) finite.

    Returns:
        (N, C) float64; rows sum to 1.
    """
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    powers = np.exp(shifted)
    return powers / powers.sum(axis=1, keepdims=True)


def calibration_error(logits: np.ndarray, labels: np.ndarray, *, bins: int = 15) -> float:
    """Return the expected calibration error: ``sum_b n_b / N |accuracy_b - confidence_b|``.

    The confidence is the largest probability; bins are of equal width over 0..1, open below and closed above.

    Args:
        logits: (N, C) finite.
        labels: (N,) int in 0..C-1.
        bins: at least 1.

    Returns:
        in 0..1; 0 is calibrated.

    Raises:
        DataError: the shapes do not fit, there is no image, or a label is none of the classes.

    Reference:
        Guo et al. On calibration of modern neural networks. ICML 2017.
    """
    _check(logits, labels)
    said = probabilities(logits)
    confidence, right = said.max(axis=1), said.argmax(axis=1) == labels
    place = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    gaps = np.bincount(place, weights=right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))


def mean_negative_log_likelihood(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean of ``-log p_y``.

    Args:
        logits: (N, C) finite.
        labels: (N,) int in 0..C-1.

    Raises:
        DataError: the shapes do not fit, there is no image, or a label is none of the classes.
    """
    _check(logits, labels)
    values = logits.astype(np.float64)
    top = values.max(axis=1)
    normaliser = top + np.log(np.exp(values - top[:, None]).sum(axis=1))
    return float((normaliser - values[np.arange(len(labels)), labels]).mean())


def _check(logits: np.ndarray, labels: np.ndarray) -> None:
    if logits.ndim != 2 or labels.shape != (len(logits),) or len(labels) == 0:
        raise DataError(f"logits of shape {logits.shape} with labels of shape {labels.shape}", "(N, C) and (N,), N > 0")
    if labels.min() < 0 or labels.max() >= logits.shape[1]:
        found = f"labels from {labels.min()} to {labels.max()}"
        raise DataError(found, f"classes 0..{logits.shape[1] - 1}")
