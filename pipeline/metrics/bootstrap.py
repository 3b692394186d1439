"""Percentile intervals over queries: how much of a difference is the choice of queries."""

import numpy as np

from pipeline.errors import DataError


def bootstrap_interval(
    values: np.ndarray, *, seed: int, level: float = 0.95, resamples: int = 1000
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of the mean of per-query values.

    Queries are drawn with replacement; the interval says nothing about other cameras, persons or seeds.

    Args:
        values: (Q,) one number a query; entries that are not a number (skipped queries) are left out.
        seed: seed of the resampling.
        level: coverage in (0, 1).
        resamples: number of resampled means.

    Returns:
        The lower and the upper end.

    Raises:
        DataError: when no value is left or the level is outside (0, 1).
    """
    kept = np.asarray(values, dtype=np.float64)
    kept = kept[np.isfinite(kept)]
    if kept.size == 0:
        raise DataError("no query has a value", "at least one ranked query", "Look at the reasons for skipped queries.")
    if not 0.0 < level < 1.0:
        raise DataError(f"a bootstrap level of {level}", "a number between 0 and 1")
    generator = np.random.default_rng(seed)
    means = np.array([kept[generator.integers(0, kept.size, kept.size)].mean() for _ in range(resamples)])
    low, high = np.quantile(means, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return float(low), float(high)
