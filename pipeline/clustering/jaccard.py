"""Jaccard distance between k-reciprocal neighbourhoods, as a sparse matrix of the small distances only."""

import numpy as np
from scipy import sparse

from pipeline.errors import DataError
from pipeline.retrieval.reciprocal import (
    averaged,
    expanded,
    gaussian_weights,
    pairs_sharing_weight,
    reciprocal,
    squared_distances,
)
from pipeline.retrieval.search import SearchFunction, camera_lists, knn_graph

# scikit-learn takes a stored zero for "no neighbour", so distance 0 is stored as this.
TINY = 1e-7
# Names of the two published list lengths and what they add to k1.
CONVENTIONS = {"clustering": 0, "reranking": 1}


def jaccard_distance(
    features: np.ndarray,
    *,
    k1: int = 30,
    k2: int = 6,
    keep_below: float = 0.62,
    convention: str = "clustering",
    search: SearchFunction | None = None,
) -> sparse.csr_matrix:
    """Return the k-reciprocal Jaccard distances that are at most `keep_below`.

    d = 1 - S / (2 - S), S = sum of minima of two rows of V; V holds exp(-squared Euclidean distance) on the expanded
    reciprocal set, scaled to sum 1, and averaged over the first k2 neighbours.

    Args:
        features: (N, D) floating point, usually L2-normalised; any norm is taken as it is, and a row of zeros is a
            point like any other.
        k1: length of the neighbour lists.
        k2: neighbours, the row itself included, of the local query expansion; 1 = none.
        keep_below: largest distance that is stored, in (0, 1]; distances of exactly 1 are never stored.
        convention: 'clustering' counts the row itself in k1, 'reranking' does not.
        search: who finds neighbours; by default the flat index.

    Returns:
        (N, N) symmetric float32 CSR with sorted columns and an explicit tiny positive diagonal; a missing entry is a
        distance above `keep_below`.

    Raises:
        DataError: for a name or number out of range, or features that are not finite.

    Reference:
        Zhong et al., Re-ranking Person Re-identification with k-reciprocal Encoding, CVPR 2017; the 'clustering' list
        lengths are those of the public self-paced and cluster-contrast code. We keep no dense matrix, store pairs below
        a bound only, and in 'reranking' do not scale distances by the row maximum.
    """
    rows = _checked(features, keep_below, convention)
    length = k1 + CONVENTIONS[convention]
    _, lists = knn_graph(rows, length, search=search)
    # round() rounds half to even, as the published code does.
    half = reciprocal(lists[:, : round(k1 / 2) + 1])
    sets = expanded(reciprocal(lists), half)
    return _distances_of_sets(rows, sets, lists[:, :k2], keep_below)


def camera_aware_jaccard_distance(
    features: np.ndarray,
    cameras: np.ndarray,
    *,
    k1: tuple[int, int] = (5, 20),
    k2: tuple[int, int] = (2, 4),
    keep_below: float = 0.62,
    search: SearchFunction | None = None,
) -> sparse.csr_matrix:
    """Return Jaccard distances over neighbours that are reciprocal inside cameras or across them.

    The set of i is the union of its reciprocal neighbours in the lists of its own camera and in the lists of all other
    cameras; rows of V are averaged over the first neighbours of both lists.

    Args:
        features: (N, D) floating point, usually L2-normalised.
        cameras: (N,) integers; -1 = unknown, taken as one camera of its own.
        k1: list lengths inside the camera and across cameras, the row itself not counted.
        k2: neighbours of the local query expansion: inside the camera (the row itself counted), and across.
        keep_below: as in `jaccard_distance`.
        search: as in `jaccard_distance`.

    Returns:
        As in `jaccard_distance`. With one camera only, the plain distance with k1 = the sum of both lengths.

    Raises:
        DataError: as in `jaccard_distance`, or when there is not one camera a row.

    Reference:
        Chen et al., CA-Jaccard: Camera-aware Jaccard Distance for Person Re-identification, CVPR 2024. In the public
        code a camera with too few rows fills its list with rows of other cameras; here the list is shorter.
    """
    rows = _checked(features, keep_below, "clustering")
    cameras = np.asarray(cameras)
    if cameras.shape != (len(rows),):
        raise DataError(f"cameras of shape {cameras.shape}", f"one camera for each of the {len(rows)} rows")
    if len(np.unique(cameras)) == 1:
        return jaccard_distance(rows, k1=sum(k1), k2=sum(k2), keep_below=keep_below, search=search)
    inside, across = camera_lists(rows, cameras, intra=k1[0], inter=k1[1] + 1, search=search)
    sets = (reciprocal(inside) + reciprocal(across)).tocsr()
    nearest = np.concatenate([inside[:, : k2[0]], across[:, : k2[1]]], axis=1)
    return _distances_of_sets(rows, sets, nearest, keep_below)


def _checked(features: np.ndarray, keep_below: float, convention: str) -> np.ndarray:
    rows = np.ascontiguousarray(features, dtype=np.float32)
    if rows.ndim != 2 or len(rows) == 0:
        raise DataError(f"features of shape {rows.shape}", "(N, D) with at least one row")
    if not np.isfinite(rows).all():
        raise DataError("features hold values that are not finite", "finite numbers")
    if not 0.0 < keep_below <= 1.0:
        raise DataError(f"keep_below {keep_below}", "a distance in (0, 1]")
    if convention not in CONVENTIONS:
        raise DataError(f"a convention called {convention!r}", f"one of {', '.join(CONVENTIONS)}")
    return rows


def _distances_of_sets(
    rows: np.ndarray, sets: sparse.csr_matrix, nearest: np.ndarray, keep_below: float
) -> sparse.csr_matrix:
    """Weight the sets, average them over the nearest rows and compare the rows that may be close."""
    sets.sort_indices()
    weights = gaussian_weights(squared_distances(rows, sets))
    if nearest.shape[1] > 1:
        weights = averaged(weights, nearest)
    # d <= t is the same as S >= 2 (1 - t) / (2 - t).
    least = 2.0 * (1.0 - keep_below) / (2.0 - keep_below)
    first, second, shared = pairs_sharing_weight(
        weights, least=least, accept=lambda s: (s > 0) & (1.0 - s / (2.0 - s) <= keep_below)
    )
    close = np.maximum(1.0 - shared / (2.0 - shared), TINY)
    diagonal = np.arange(len(rows))
    values = np.concatenate([close, close, np.full(len(rows), TINY)]).astype(np.float32)
    where = np.concatenate([first, second, diagonal]), np.concatenate([second, first, diagonal])
    matrix = sparse.csr_matrix((values, where), shape=(len(rows), len(rows)))
    matrix.sort_indices()
    return matrix
