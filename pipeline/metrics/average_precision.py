"""Average precision and its companions from the ranks of the positives, for many queries at once."""

from collections.abc import Callable, Mapping

import numpy as np

from pipeline.errors import DataError


def step_precision(ordinal: np.ndarray, rank: np.ndarray) -> np.ndarray:
    """Return the precision at each hit, j / rank_j.

    Args:
        ordinal: (P,) j = 1, 2, ... of each positive among the positives of its query.
        rank: (P,) its rank from 1 among the kept gallery rows; infinite where it was not found.

    Returns:
        (P,) float64.
    """
    return ordinal / rank


def trapezoid_precision(ordinal: np.ndarray, rank: np.ndarray) -> np.ndarray:
    """Return the mean of the precision just before and at each hit; before the first rank the precision is 1.

    Args:
        ordinal: (P,) as in `step_precision`.
        rank: (P,) as in `step_precision`.

    Returns:
        (P,) float64.

    Reference:
        Zheng et al., Scalable Person Re-identification: A Benchmark, ICCV 2015 (the evaluation code of the data set).
    """
    before = np.where(rank > 1, (ordinal - 1) / np.maximum(rank - 1, 1), 1.0)
    return (before + ordinal / rank) / 2.0


AP_FORMS: Mapping[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "step": step_precision,
    "trapezoid": trapezoid_precision,
}


def check_ap_form(ap: str) -> None:
    """Raise `DataError` when there is no AP form of that name."""
    if ap not in AP_FORMS:
        raise DataError(f"an AP form called {ap!r}", f"one of {', '.join(sorted(AP_FORMS))}")


def average_precision(ranks: np.ndarray, counts: np.ndarray, *, ap: str) -> np.ndarray:
    """Return the AP of every query from the ascending ranks of its positives.

    Args:
        ranks: (sum of counts,) float64 ranks from 1, query after query, ascending inside a query; infinite = not found.
        counts: (Q,) int64 positives a query, each at least 1.
        ap: a name in `AP_FORMS`.

    Returns:
        (Q,) float64 in [0, 1].
    """
    check_ap_form(ap)
    if len(counts) == 0:
        return np.zeros(0)
    starts = np.cumsum(counts) - counts
    ordinal = np.arange(1, len(ranks) + 1) - np.repeat(starts, counts)
    return np.add.reduceat(AP_FORMS[ap](ordinal.astype(np.float64), ranks), starts) / counts
