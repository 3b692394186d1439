"""k-reciprocal Jaccard distances on N x N matrices, row by row: the plain code that benchmarks compare with."""

import numpy as np


def dense_neighbours(features: np.ndarray, k: int) -> np.ndarray:
    """Return the k nearest rows of every row, itself first, from one full sort of all distances.

    Args:
        features: (N, D) float32.
        k: length of the lists.

    Returns:
        (N, k) int64.
    """
    distances = dense_squared_distances(features)
    np.fill_diagonal(distances, -1.0)
    return np.argsort(distances, axis=1, kind="stable")[:, :k]


def dense_squared_distances(features: np.ndarray) -> np.ndarray:
    """Return (N, N) squared Euclidean distances.

    Args:
        features: (N, D) float32.
    """
    squares = np.einsum("nd,nd->n", features, features)
    return np.maximum(squares[:, None] + squares - 2.0 * (features @ features.T), 0.0)


def _reciprocal(lists: np.ndarray, i: int) -> np.ndarray:
    return lists[i][(lists[lists[i]] == i).any(axis=1)]


def dense_weights(distances: np.ndarray, lists: np.ndarray, *, k1: int, k2: int) -> np.ndarray:
    """Return the (N, N) weights of the expanded reciprocal sets, averaged over the first k2 neighbours.

    Args:
        distances: (N, N) float32.
        lists: (N, k) neighbours, the row itself first.
        k1: whose half is the length of the lists of the expansion.
        k2: neighbours, the row itself included, of the local query expansion.

    Returns:
        (N, N) float32.
    """
    shorter = lists[:, : round(k1 / 2) + 1]
    weights = np.zeros_like(distances)
    for i in range(len(lists)):
        own = _reciprocal(lists, i)
        parts = [own]
        for candidate in own:
            theirs = _reciprocal(shorter, candidate)
            if 3 * len(np.intersect1d(theirs, own)) > 2 * len(theirs):
                parts.append(theirs)
        members = np.unique(np.concatenate(parts))
        closeness = np.exp(-distances[i, members])
        weights[i, members] = closeness / closeness.sum()
    return np.stack([weights[row[:k2]].mean(axis=0) for row in lists])


def dense_jaccard(weights: np.ndarray, rows: int) -> np.ndarray:
    """Return the Jaccard distances of the first rows to all rows.

    Args:
        weights: (N, N) float32.
        rows: R, how many.

    Returns:
        (R, N) float32.
    """
    columns = [np.flatnonzero(column) for column in weights.T]
    result = np.empty((rows, len(weights)), dtype=np.float32)
    for i in range(rows):
        shared = np.zeros(len(weights), dtype=np.float32)
        for c in np.flatnonzero(weights[i]):
            shared[columns[c]] += np.minimum(weights[i, c], weights[columns[c], c])
        result[i] = 1.0 - shared / (2.0 - shared)
    return result
