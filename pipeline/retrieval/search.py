"""Neighbour lists over a whole set: the k-NN graph with every row first in its own list, and lists inside cameras."""

from collections.abc import Callable

import numpy as np

from pipeline.errors import DataError
from pipeline.retrieval.index import build_index

Lists = tuple[np.ndarray, np.ndarray]
SearchFunction = Callable[[np.ndarray, np.ndarray, int], Lists]


def search_by(kind: str, *, metric: str = "euclidean", **options: object) -> SearchFunction:
    """Return a function (gallery, queries, k) -> (distances, positions) over a fresh index of that kind.

    Args:
        kind: a name in `pipeline.retrieval.index.INDEXES`.
        metric: 'cosine' or 'euclidean'.
        options: options of that index.
    """

    def search(gallery: np.ndarray, queries: np.ndarray, k: int) -> Lists:
        index = build_index(kind, dimension=gallery.shape[1], metric=metric, **options)
        index.add(gallery)
        return index.search(queries, k)

    return search


def ordered_lists(distances: np.ndarray, positions: np.ndarray) -> Lists:
    """Order every list by distance and then by position, so that ties don't depend on the index.

    Args:
        distances: (N, k).
        positions: (N, k); -1 = no neighbour.

    Returns:
        Both arrays, reordered.
    """
    order = np.lexsort((positions, distances), axis=1)
    return np.take_along_axis(distances, order, axis=1), np.take_along_axis(positions, order, axis=1)


def with_self_first(distances: np.ndarray, positions: np.ndarray) -> Lists:
    """Put every row first in its own list with distance 0, also where duplicates crowded it out.

    Args:
        distances: (N, k) ascending.
        positions: (N, k); row i belongs to item i.

    Returns:
        Lists of the same shape; where row i was missing its last neighbour goes.
    """
    count, k = positions.shape
    own = np.arange(count)[:, None]
    is_self = positions == own
    is_self[~is_self.any(axis=1), k - 1] = True
    others = ~is_self
    rest = (count, k - 1)
    return (
        np.concatenate([np.zeros((count, 1), distances.dtype), distances[others].reshape(rest)], axis=1),
        np.concatenate([own, positions[others].reshape(rest)], axis=1),
    )


def knn_graph(features: np.ndarray, k: int, *, search: SearchFunction | None = None) -> Lists:
    """Return the k nearest rows of every row, itself first.

    Args:
        features: (N, D) float32.
        k: length of the lists with the row itself; at most N is used.
        search: who searches; by default the flat index with Euclidean distances.

    Returns:
        (N, k) float32 distances and int64 positions, ordered by distance and then position.

    Raises:
        DataError: when there are no rows or k is below 1.
    """
    if len(features) == 0 or k < 1:
        raise DataError(f"{len(features)} rows and lists of {k}", "at least 1 row and lists of at least 1")
    k = min(k, len(features))
    search = search or search_by("flat")
    return with_self_first(*ordered_lists(*search(features, features, k)))


def camera_lists(
    features: np.ndarray, cameras: np.ndarray, *, intra: int, inter: int, search: SearchFunction | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the nearest rows inside the own camera (itself first) and under all other cameras.

    Args:
        features: (N, D) float32.
        cameras: (N,) int64; the unknown camera -1 counts as one camera of its own.
        intra: neighbours inside the camera, the row itself not counted.
        inter: neighbours under other cameras.
        search: who searches; by default the flat index with Euclidean distances.

    Returns:
        (N, intra + 1) and (N, inter) int64 positions; -1 where a camera has fewer rows.
    """
    search = search or search_by("flat")
    inside = np.full((len(features), intra + 1), -1, dtype=np.int64)
    across = np.full((len(features), inter), -1, dtype=np.int64)
    for camera in np.unique(cameras):
        members, others = np.flatnonzero(cameras == camera), np.flatnonzero(cameras != camera)
        _, local = knn_graph(features[members], intra + 1, search=search)
        inside[members, : local.shape[1]] = members[local]
        if len(others):
            k = min(inter, len(others))
            _, local = ordered_lists(*search(features[others], features[members], k))
            across[members, :k] = np.where(local >= 0, others[local], -1)
    return inside, across
