"""DBSCAN on a sparse distance matrix, with labels that don't depend on the library's numbering."""

import numpy as np
from scipy import sparse
from sklearn.cluster import dbscan

from pipeline.errors import DataError


def renumbered(labels: np.ndarray) -> np.ndarray:
    """Number clusters 0, 1, ... by their first member; negative labels become -1.

    Args:
        labels: (N,) integers.

    Returns:
        (N,) int64.
    """
    labels = np.asarray(labels, dtype=np.int64)
    result = np.full(len(labels), -1, dtype=np.int64)
    inside = labels >= 0
    _, first, inverse = np.unique(labels[inside], return_index=True, return_inverse=True)
    result[inside] = np.argsort(np.argsort(first))[inverse]
    return result


def without_small_clusters(labels: np.ndarray, *, min_size: int) -> np.ndarray:
    """Turn the members of clusters with fewer than `min_size` images into outliers and renumber.

    Args:
        labels: (N,) int64; -1 = outlier.
        min_size: smallest cluster that stays.
    """
    inside = labels >= 0
    sizes = np.bincount(labels[inside], minlength=1)
    kept = labels.copy()
    kept[inside] = np.where(sizes[labels[inside]] >= min_size, labels[inside], -1)
    return renumbered(kept)


def dbscan_labels(distances: sparse.csr_matrix, *, eps: float, min_samples: int = 4) -> np.ndarray:
    """Return DBSCAN labels from stored distances; a missing entry means "too far".

    Args:
        distances: (N, N) symmetric CSR with an explicit positive diagonal; must hold every distance up to `eps`.
        eps: largest distance of neighbours.
        min_samples: neighbours that make a core image, the image itself included.

    Returns:
        (N,) int64 labels numbered by first appearance; -1 = outlier. A border image in reach of several clusters goes
        to the one that is found first in image order.

    Raises:
        DataError: when eps or min_samples is not positive.

    Reference:
        Ester et al., A Density-Based Algorithm for Discovering Clusters, KDD 1996.
    """
    if eps <= 0 or min_samples < 1:
        raise DataError(f"eps {eps} and min_samples {min_samples}", "a positive eps and at least 1 sample")
    _, labels = dbscan(distances, eps=eps, min_samples=min_samples, metric="precomputed")
    return renumbered(labels)
