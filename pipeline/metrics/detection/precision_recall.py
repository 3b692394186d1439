"""Three areas under a precision-recall curve that are all called AP; each has its own name here."""

import numpy as np

RECALL_POINTS = 101


def trapezoid_ap(hits: np.ndarray, num_valid: int) -> float:
    """Return CrowdHuman's AP: trapezoids between consecutive points, from the first detection on.

    sum_k (r_k - r_{k-1}) (p_k + p_{k-1}) / 2 over k >= 2; there is no envelope and no point before the first.

    Args:
        hits: (K,) bool by descending score, True = true positive.
        num_valid: boxes to find, at least 1.
    """
    recall, precision = _curve(hits, num_valid)
    return float(((recall[1:] - recall[:-1]) * (precision[1:] + precision[:-1]) / 2).sum())


def interpolated_ap(hits: np.ndarray, num_valid: int) -> float:
    """Return COCO's AP at one threshold: the mean over recalls 0, .01, ..., 1 of the best precision from there on.

    Args:
        hits: (K,) bool by descending score, True = true positive.
        num_valid: boxes to find, at least 1.
    """
    recall, precision = _curve(hits, num_valid)
    envelope = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
    first = np.searchsorted(recall, np.linspace(0, 1, RECALL_POINTS), side="left")
    return float(envelope[first].mean())


def area_ap(hits: np.ndarray, num_valid: int) -> float:
    """Return Pascal VOC's AP since 2010: the area under the envelope of the curve.

    Args:
        hits: (K,) bool by descending score, True = true positive.
        num_valid: boxes to find, at least 1.
    """
    recall, precision = _curve(hits, num_valid)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(recall, prepend=0.0) * envelope).sum())


def _curve(hits: np.ndarray, num_valid: int) -> tuple[np.ndarray, np.ndarray]:
    true = np.cumsum(np.asarray(hits, dtype=bool))
    return true / num_valid, true / np.arange(1, len(true) + 1)
