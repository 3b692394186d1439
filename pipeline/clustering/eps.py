"""Choosing DBSCAN's eps without labels."""

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from pipeline.clustering.cannot_link import NO_PAIRS, constrained_labels
from pipeline.errors import DataError

EPS_GRID = (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7)


def graph_silhouette(distances: sparse.csr_matrix, labels: np.ndarray) -> float:
    """Return the mean silhouette over all images from stored distances; a missing pair counts as distance 1.

    s_i = (b_i - a_i) / max(a_i, b_i), a_i = mean distance to the other images of the own cluster, b_i = smallest mean
    distance to another cluster (1 when there is none); outliers and images that are alone count as 0, so leaving images
    out does not raise the mean.

    Args:
        distances: (N, N) symmetric CSR of distances in [0, 1].
        labels: (N,) int64; -1 = outlier.

    Returns:
        A number in [-1, 1]; 0 where nothing is clustered.

    Reference:
        Rousseeuw, Silhouettes, 1987; here distances above the stored bound are rounded up to 1.
    """
    inside = np.flatnonzero(labels >= 0)
    if len(inside) == 0:
        return 0.0
    sizes = np.bincount(labels[inside])
    members = sparse.csr_matrix((np.ones(len(inside)), (inside, labels[inside])), shape=(len(labels), len(sizes)))
    closeness = distances.copy().astype(np.float64)
    closeness.data = 1.0 - closeness.data
    closeness.setdiag(0.0)
    sums = (closeness @ members).tocoo()
    own, other = np.zeros(len(labels)), np.zeros(len(labels))
    is_own = sums.col == labels[sums.row]
    own[sums.row[is_own]] = sums.data[is_own]
    np.maximum.at(other, sums.row[~is_own], sums.data[~is_own] / sizes[sums.col[~is_own]])
    mates = sizes[labels[inside]] - 1
    a = 1.0 - own[inside] / np.maximum(mates, 1)
    b = 1.0 - other[inside]
    scores = np.where(mates > 0, (b - a) / np.maximum(np.maximum(a, b), 1e-12), 0.0)
    return float(scores.sum() / len(labels))


def choose_eps(
    distances: sparse.csr_matrix,
    *,
    min_samples: int = 4,
    grid: Sequence[float] = EPS_GRID,
    apart: np.ndarray = NO_PAIRS,
) -> tuple[float, dict[float, float]]:
    """Return the eps of the grid whose clusters have the largest mean silhouette, the smallest one on a tie.

    Args:
        distances: (N, N) CSR that holds every distance up to the largest of the grid; a wider bound sees more of the
            gap between clusters.
        min_samples: as in DBSCAN.
        grid: candidates.
        apart: (P, 2) int64 pairs that no cluster may hold.

    Returns:
        The eps, and the silhouette of every candidate.

    Raises:
        DataError: when the grid is empty.
    """
    if not grid:
        raise DataError("an empty grid of eps", "at least one candidate")
    scores = {
        eps: graph_silhouette(distances, constrained_labels(distances, apart, eps=eps, min_samples=min_samples))
        for eps in sorted(grid)
    }
    return max(scores, key=lambda eps: (round(scores[eps], 6), -eps)), scores
