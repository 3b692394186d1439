"""k-reciprocal re-ranking of a gallery, block of queries by block of queries."""

from collections.abc import Iterator

import numpy as np
from scipy import sparse

from pipeline.errors import DataError
from pipeline.retrieval.features import checked_features
from pipeline.retrieval.reciprocal import averaged, expanded, gaussian_weights, reciprocal, squared_distances
from pipeline.retrieval.search import SearchFunction, knn_graph


def reranked_blocks(
    query_features: np.ndarray,
    gallery_features: np.ndarray,
    *,
    k1: int = 20,
    k2: int = 6,
    blend: float = 0.3,
    block: int = 256,
    search: SearchFunction | None = None,
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield re-ranked distances, (1 - blend) Jaccard + blend D, for one block of queries after the other.

    D is the squared Euclidean distance divided by the row's largest over query and gallery together.

    Args:
        query_features: (Q, D) floating point; L2-normalise before for the cosine metric.
        gallery_features: (G, D).
        k1: length of the neighbour lists, the row itself not counted.
        k2: neighbours of the local query expansion, the row itself counted.
        blend: share of the original distance, in [0, 1].
        block: queries a block.
        search: who finds neighbours; by default the flat index.

    Yields:
        The position of the block's first query, and (B, G) float32 distances.

    Raises:
        DataError: for features that do not fit together or are not finite, or a blend outside [0, 1].

    Reference:
        Zhong et al., Re-ranking Person Re-identification with k-reciprocal Encoding, CVPR 2017; equal to the definition
        on a dense matrix fed with true Euclidean distances, without holding one.
    """
    if not 0.0 <= blend <= 1.0:
        raise DataError(f"a blend of {blend}", "a number in [0, 1]")
    query = checked_features(query_features, metric="euclidean")
    gallery = checked_features(gallery_features, metric="euclidean", dimension=query.shape[1])
    rows = np.concatenate([query, gallery])
    farthest = _largest_squared_distances(rows, block)
    _, lists = knn_graph(rows, k1 + 1, search=search)
    # round() rounds half to even, as the published code does.
    sets = expanded(reciprocal(lists), reciprocal(lists[:, : round(k1 / 2) + 1]))
    distances = squared_distances(rows, sets)
    distances.data /= np.repeat(farthest, np.diff(distances.indptr))
    weights = gaussian_weights(distances)
    if k2 > 1:
        weights = averaged(weights, lists[:, :k2])
    gallery_weights = weights[len(query) :].tocsc()
    for start in range(0, len(query), block):
        part = slice(start, min(start + block, len(query)))
        result = _squared(query[part], gallery) / farthest[part, None]
        result *= blend
        for row, i in zip(result, range(part.start, part.stop), strict=True):
            shared = _shared_weight(weights[i], gallery_weights)
            row += (1.0 - blend) * (1.0 - shared / (2.0 - shared))
        yield start, result


def _shared_weight(row: sparse.csr_matrix, columns: sparse.csc_matrix) -> np.ndarray:
    """Return the sum of minima of one row with every row of the other matrix, (G,) float64."""
    chosen = columns[:, row.indices]
    least = np.minimum(chosen.data, np.repeat(row.data, np.diff(chosen.indptr)))
    return np.bincount(chosen.indices, weights=least, minlength=columns.shape[0])


def _squared(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return (L, R) squared distances; the sums are added in place, for the matrix is the largest array here."""
    result = (-2.0 * left) @ right.T
    result += np.einsum("nd,nd->n", right, right)
    result += np.einsum("nd,nd->n", left, left)[:, None]
    return np.maximum(result, 0.0, out=result)


def _largest_squared_distances(rows: np.ndarray, block: int) -> np.ndarray:
    """Return the largest squared distance of every row to any row, at least a tiny positive number."""
    largest = np.full(len(rows), np.finfo(np.float32).tiny, dtype=np.float32)
    for start in range(0, len(rows), block):
        # A distance is that of both rows, so every pair is looked at once.
        distances = _squared(rows[start : start + block], rows[start:])
        part = largest[start : start + block]
        np.maximum(part, distances.max(axis=1), out=part)
        np.maximum(largest[start:], distances.max(axis=0), out=largest[start:])
    return largest
