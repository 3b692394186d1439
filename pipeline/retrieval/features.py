"""What every index asks of the features that it is given."""

import numpy as np

from pipeline.errors import DataError

METRICS = ("cosine", "euclidean")


def checked_features(features: np.ndarray, *, metric: str, dimension: int | None = None) -> np.ndarray:
    """Return features as contiguous float32, L2-normalised for the cosine metric.

    Args:
        features: (N, D) numbers.
        metric: 'cosine' or 'euclidean'.
        dimension: the D that is asked for, or None for any.

    Raises:
        DataError: for another shape, values that are not finite or an unknown metric.
    """
    if metric not in METRICS:
        raise DataError(f"a metric called {metric!r}", f"one of {', '.join(METRICS)}")
    rows = np.ascontiguousarray(features, dtype=np.float32)
    if rows.ndim != 2 or (dimension is not None and rows.shape[1] != dimension):
        raise DataError(f"features of shape {rows.shape}", f"(N, {dimension or 'D'})")
    if not np.isfinite(rows).all():
        raise DataError("features hold values that are not finite", "finite numbers")
    if metric == "euclidean":
        return rows
    norms = np.sqrt(np.einsum("nd,nd->n", rows, rows))[:, None]
    return rows / np.where(norms > 0, norms, 1)
