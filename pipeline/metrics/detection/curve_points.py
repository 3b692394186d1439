"""Few points of a long miss-rate curve, for plots on logarithmic axes."""

from collections.abc import Sequence

import numpy as np

from pipeline.metrics.detection.miss_rate import CALTECH_FPPI


def thin_curve(
    fppi: np.ndarray,
    miss: np.ndarray,
    *,
    lowest: float = 1e-3,
    limit: int = 200,
    keep: Sequence[float] = CALTECH_FPPI,
) -> tuple[np.ndarray, np.ndarray]:
    """Return at most `limit` points, plus one for each reference, of a curve of steps.

    At each rate of false positives the lowest miss counts; at the kept references the thin curve reads as the whole
    one does.

    Args:
        fppi: (K,) ascending false positives an image.
        miss: (K,) descending miss rates.
        lowest: points left of this rate are drawn at it, since 0 has no logarithm.
        limit: number of points, about evenly spaced in log fppi.
        keep: references whose point is kept in any case.

    Returns:
        (P,) rates and (P,) misses, both starting at `lowest`.
    """
    rates, misses = np.concatenate([[lowest], fppi]), np.concatenate([[1.0], miss])
    rates = np.maximum(rates, lowest)
    is_last = np.append(rates[1:] > rates[:-1], True)
    rates, misses = rates[is_last], misses[is_last]
    grid = np.geomspace(rates[0], rates[-1], max(limit, 2))
    wanted = np.searchsorted(rates, np.concatenate([grid[:-1], keep]), side="right") - 1
    chosen = np.unique(np.concatenate([[0], np.maximum(wanted, 0), [len(rates) - 1]]))
    return rates[chosen], misses[chosen]
