"""What a tracker knows of unlabelled images: which show one person for sure, and which show two."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from pipeline.clustering.cannot_link import NO_PAIRS
from pipeline.errors import DataError

# With fewer neighbours a node in four cameras could not reach itself in all others.
LEAST_K1, LEAST_K2 = 5, 2
# A node that has one neighbour in another camera is what a cluster can grow from.
LEAST_SAMPLES = 2


@dataclass(frozen=True)
class Tracklets:
    """The tracklet of each image, and when it was filmed.

    Args:
        ids: (N,) int64; images of one number show one person in one camera, -1 = in no tracklet.
        seconds: (N,) float64 on a clock of the camera; NaN = unknown, which overlaps with nothing.
        keep_apart: whether people whom a camera saw at the same time are two.
        has_clock: whether the moments of different cameras can be compared.
    """

    ids: np.ndarray
    seconds: np.ndarray
    keep_apart: bool = True
    has_clock: bool = True

    def __post_init__(self) -> None:
        """Check that there is one moment an image."""
        if self.ids.ndim != 1 or self.ids.shape != self.seconds.shape:
            raise DataError(
                f"tracklets of shape {self.ids.shape} and seconds of shape {self.seconds.shape}", "one of each an image"
            )


@dataclass(frozen=True)
class Nodes:
    """Images contracted to what is clustered: one node a tracklet, and one an image that is in none.

    Args:
        of_image: (N,) int64 node of each image; nodes are numbered by their first image.
        features: (M, D) float32 of length one.
        cameras: (M,) int64, -1 = unknown; None where no cameras were given.
        seconds: (M,) float64 middle of the node's time; NaN = unknown.
        apart: (P, 2) int64 pairs of nodes that cannot be one person, the smaller number first.
    """

    of_image: np.ndarray
    features: np.ndarray
    cameras: np.ndarray | None
    seconds: np.ndarray
    apart: np.ndarray

    def scaled(self, count: int, *, least: int) -> int:
        """Return a number of images as the number of nodes that holds as many on average.

        Args:
            count: of images.
            least: smallest number that is returned, unless `count` itself is smaller.
        """
        return max(min(count, least), round(count * len(self.features) / max(1, len(self.of_image))))


def nodes_of(features: np.ndarray, cameras: np.ndarray | None, tracklets: Tracklets | None) -> Nodes:
    """Contract tracklets, and list the pairs of nodes that one camera saw at the same time.

    The feature of a node is the mean of its images' features, scaled to length one; a mean without a direction gives
    way to the first image. Its time reaches from its first to its last image.

    Args:
        features: (N, D) float32, L2-normalised.
        cameras: (N,) integers, -1 = unknown, or None.
        tracklets: of the images; None makes every image a node, without pairs.

    Raises:
        DataError: there is not one tracklet number an image, or a tracklet is in several cameras.
    """
    if tracklets is None:
        return Nodes(np.arange(len(features)), features, cameras, np.full(len(features), np.nan), NO_PAIRS)
    if len(tracklets.ids) != len(features):
        raise DataError(f"{len(tracklets.ids)} tracklet numbers for {len(features)} images", "one an image")
    of_image, first = _numbered(tracklets.ids)
    chooser = sparse.csr_matrix((np.ones(len(of_image), np.float32), (of_image, np.arange(len(of_image)))))
    means = np.asarray(chooser @ features, dtype=np.float32) / np.bincount(of_image)[:, None].astype(np.float32)
    norms = np.linalg.norm(means, axis=1, keepdims=True)
    nodes = np.where(norms > 1e-6, means / np.maximum(norms, 1e-6), features[first]).astype(np.float32)
    start, end = np.full(len(first), np.nan), np.full(len(first), np.nan)
    np.fmin.at(start, of_image, tracklets.seconds)
    np.fmax.at(end, of_image, tracklets.seconds)
    if cameras is None:
        return Nodes(of_image, nodes, None, (start + end) / 2, NO_PAIRS)
    where = _cameras_of_nodes(np.asarray(cameras), of_image, first, tracklets.ids)
    apart = overlapping_pairs(where, start, end) if tracklets.keep_apart else NO_PAIRS
    return Nodes(of_image, nodes, where, (start + end) / 2, apart)


def overlapping_pairs(cameras: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return the pairs that one camera saw at the same time: start_i <= end_j and start_j <= end_i.

    Args:
        cameras: (M,) integers; -1 = unknown, which is in no pair.
        start: (M,) seconds; NaN = unknown.
        end: (M,) seconds, at least `start`; NaN = unknown.

    Returns:
        (P, 2) int64, the smaller number first, sorted.
    """
    found = [NO_PAIRS]
    known = np.isfinite(start) & np.isfinite(end)
    for camera in np.unique(cameras[(cameras >= 0) & known]):
        inside = np.flatnonzero((cameras == camera) & known)
        inside = inside[np.argsort(start[inside], kind="stable")]
        # Sorted by their beginning, those that meet a node stand in one piece behind it.
        behind = np.arange(1, len(inside) + 1)
        meets = np.searchsorted(start[inside], end[inside], side="right") - behind
        rows = np.repeat(np.arange(len(inside)), meets)
        columns = np.arange(len(rows)) - np.repeat(np.cumsum(meets) - meets, meets) + behind[rows]
        found.append(np.sort(np.stack([inside[rows], inside[columns]], axis=1), axis=1))
    pairs = np.concatenate(found)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def _cameras_of_nodes(cameras: np.ndarray, of_image: np.ndarray, first: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Return the camera of each node, which is that of all its images."""
    strangers = np.flatnonzero(cameras[first][of_image] != cameras)
    if strangers.size:
        raise DataError(
            f"tracklet {ids[strangers[0]]} has images of several cameras", "one camera a tracklet",
            "Give the tracklets of each camera numbers of their own.",
        )  # fmt: skip
    return cameras[first]


def _numbered(ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the node of each image and the first image of each node."""
    keys = np.asarray(ids, dtype=np.int64).copy()
    alone = keys < 0
    keys[alone] = keys.max(initial=-1) + 1 + np.arange(int(alone.sum()))
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    return rank[inverse.reshape(-1)], np.sort(first)
