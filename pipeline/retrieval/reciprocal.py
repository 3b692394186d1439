"""The sparse core of k-reciprocal encoding: sets, expansion, weights and sums of minima, never N x N."""

from collections.abc import Callable, Iterator

import numpy as np
from scipy import sparse

# Entries of a sparse product held at a time: about 100 MB.
BLOCK_ENTRIES = 1 << 23
PAIR_BLOCK = 1 << 13
# Pairs of features held at a time: few enough to stay in a core's cache (1 MB each side at 512 dimensions).
DISTANCE_BLOCK = 1 << 9
# How often the columns left of the block are dropped from the transposed matrix, over all rows.
PANELS = 16


def membership(lists: np.ndarray, *, size: int) -> sparse.csr_matrix:
    """Return the 0/1 matrix with a one where column j is in row i's list.

    Args:
        lists: (N, k) int64 positions; -1 = no neighbour.
        size: number of columns.

    Returns:
        (N, size) float32 CSR with sorted columns.
    """
    kept = lists >= 0
    indptr = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
    ones = np.ones(int(indptr[-1]), dtype=np.float32)
    matrix = sparse.csr_matrix((ones, lists[kept], indptr), shape=(len(lists), size))
    matrix.sort_indices()
    return matrix


def reciprocal(lists: np.ndarray) -> sparse.csr_matrix:
    """Return the 0/1 matrix of pairs that are in each other's lists.

    Args:
        lists: (N, k) int64 positions; -1 = no neighbour.
    """
    forward = membership(lists, size=len(lists))
    return forward.multiply(forward.T.tocsr()).tocsr()


def expanded(sets: sparse.csr_matrix, half: sparse.csr_matrix) -> sparse.csr_matrix:
    """Add to each set R(i) the half-length sets of its members c that mostly lie in it.

    R(i) grows by H(c) for each c in R(i) with |H(c) & R(i)| > 2/3 |H(c)|; members are tested against the set as it was.

    Args:
        sets: (N, N) 0/1 matrix R.
        half: (N, N) 0/1 symmetric matrix H.

    Returns:
        (N, N) 0/1 matrix.
    """
    overlap = sets.multiply(sets @ half).tocsr()
    sizes = np.diff(half.indptr)
    # Whole numbers on both sides keep the 2/3 exact.
    overlap.data = (3 * overlap.data > 2 * sizes[overlap.indices]).astype(np.float32)
    overlap.eliminate_zeros()
    grown = (sets + overlap @ half).tocsr()
    grown.data[:] = 1.0
    grown.sort_indices()
    return grown


def squared_distances(features: np.ndarray, pattern: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return the squared Euclidean distances of the stored pairs only.

    Args:
        features: (N, D) float32.
        pattern: (N, N) CSR; only its stored positions matter.
    """
    rows = np.repeat(np.arange(pattern.shape[0]), np.diff(pattern.indptr))
    values = np.empty(len(rows), dtype=np.float32)
    for start in range(0, len(rows), DISTANCE_BLOCK):
        pairs = slice(start, start + DISTANCE_BLOCK)
        difference = features[rows[pairs]]
        difference -= features[pattern.indices[pairs]]
        values[pairs] = np.einsum("nd,nd->n", difference, difference)
    return sparse.csr_matrix((values, pattern.indices, pattern.indptr), shape=pattern.shape)


def gaussian_weights(distances: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return rows proportional to exp(-distance) over the stored pairs, each summing to 1."""
    lengths = np.diff(distances.indptr)
    assert lengths.min() > 0, "every row holds at least itself"
    weights = np.exp(-distances.data.astype(np.float64))
    weights /= np.repeat(np.add.reduceat(weights, distances.indptr[:-1]), lengths)
    return sparse.csr_matrix((weights.astype(np.float32), distances.indices, distances.indptr), shape=distances.shape)


def averaged(weights: sparse.csr_matrix, lists: np.ndarray) -> sparse.csr_matrix:
    """Replace every row by the mean over its list (local query expansion).

    Args:
        weights: (N, N) CSR.
        lists: (N, k) int64 positions; -1 entries are left out of the mean.
    """
    chosen = membership(lists, size=weights.shape[0])
    chosen.data /= np.repeat(np.diff(chosen.indptr), np.diff(chosen.indptr))
    result = (chosen @ weights).tocsr()
    result.sort_indices()
    return result


def _row_blocks(left: sparse.csr_matrix, columns: np.ndarray, width: int) -> Iterator[slice]:
    """Yield row ranges whose product with a matrix of these column counts stays below `BLOCK_ENTRIES`."""
    terms = columns[left.indices].astype(np.int64)
    ends = np.concatenate([[0], np.cumsum(terms)])[left.indptr]
    worst = np.cumsum(np.minimum(np.diff(ends), width))
    start, count = 0, left.shape[0]
    while start < count:
        used = worst[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(worst, used + BLOCK_ENTRIES, side="right")))
        yield slice(start, stop)
        start = stop


def pairs_sharing_weight(
    weights: sparse.csr_matrix, *, least: float, accept: Callable[[np.ndarray], np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the pairs i < j whose rows have an accepted sum of minima S.

    S = 1 - |V_i - V_j|_1 / 2 for rows that sum to 1, and S <= sum of sqrt(V_ic V_jc), a sparse product: it proposes the
    pairs, and S is computed for those alone.

    Args:
        weights: (N, N) CSR V with non-negative rows that sum to 1.
        least: lower bound of S for a pair to be looked at, in [0, 1].
        accept: tells from S which pairs to keep.

    Returns:
        Rows and columns (int32) and S (float64) of the kept pairs.
    """
    found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for rows, cols in _proposed_pairs(weights, least):
        shared = _sums_of_minima(weights, rows, cols)
        kept = accept(shared)
        found.append((rows[kept], cols[kept], shared[kept]))
    rows, cols, shared = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return rows, cols, shared


def _proposed_pairs(weights: sparse.csr_matrix, least: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield int32 rows and columns, row < column, of all pairs whose upper bound of S reaches `least`."""
    roots = weights.copy()
    roots.data = np.sqrt(roots.data)
    count, first, transposed = weights.shape[0], 0, roots.T.tocsr()
    for block in _row_blocks(roots, np.bincount(roots.indices, minlength=count), count):
        # The matrix is symmetric, so columns before the block are done; transposing for each block would cost N^2.
        if block.start - first > count // PANELS:
            first, transposed = block.start, roots[block.start :].T.tocsr()
        bound = roots[block] @ transposed
        # The slack covers the rounding of a float32 sum.
        near = np.flatnonzero(bound.data >= least - 1e-5)
        rows = (np.searchsorted(bound.indptr, near, side="right") - 1 + block.start).astype(np.int32)
        cols = bound.indices[near] + np.int32(first)
        # The product is the largest array here: it goes before the pairs are compared.
        del bound, near
        later = cols > rows
        yield rows[later], cols[later]


def _sums_of_minima(weights: sparse.csr_matrix, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    shared = np.empty(len(rows))
    for start in range(0, len(rows), PAIR_BLOCK):
        pairs = slice(start, start + PAIR_BLOCK)
        difference = weights[rows[pairs]] - weights[cols[pairs]]
        difference.data = np.abs(difference.data)
        shared[pairs] = 1.0 - difference.sum(axis=1, dtype=np.float64).A1 / 2.0
    return shared
