"""How long people take from one camera to another, learnt from clusters, and what that says of a pair of pictures."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from pipeline.errors import DataError
from pipeline.retrieval.gap_ratios import UNKNOWN, GapRatios, gap_ratios

# Background gaps are counted over at most so many pictures of a camera, evenly chosen in time.
_BACKGROUND = 1000
# Of a larger cluster so many pictures, evenly chosen, speak: its pairs grow with the square.
_LARGEST = 300
_Gaps = dict[tuple[int, int], np.ndarray]


@dataclass(frozen=True)
class Transitions:
    """What the time between two pictures says about whether they show one person.

    Args:
        ratios: by pair of camera numbers (a, b), a <= b, for the gap t_b - t_a; in one camera for its absolute value.
        labels: (N,) int64 clusters that were learnt from; -1 = in none.
    """

    ratios: Mapping[tuple[int, int], GapRatios]
    labels: np.ndarray

    def probability(
        self, cameras: np.ndarray, others: np.ndarray, gaps: np.ndarray, *, is_own: np.ndarray | bool = False
    ) -> np.ndarray:
        """Return how plausible it is that pictures show one person.

        Args:
            cameras: (n,) integers, of the first pictures; -1 = unknown.
            others: (n,) integers, of the second ones.
            gaps: (n,) seconds from the first to the second picture; NaN = unknown.
            is_own: (n,) bool, whether the pair stood in one of the clusters; such a pair says nothing for itself.

        Returns:
            (n,) float64 in (0, 1); 0.5 where nothing is known: a pair of cameras without clusters, or no time.
        """
        cameras, others = np.asarray(cameras), np.asarray(others)
        gaps = np.where(cameras <= others, gaps, -np.asarray(gaps, dtype=np.float64))
        gaps = np.where(cameras == others, np.abs(gaps), gaps)
        own = np.broadcast_to(is_own, gaps.shape)
        result = np.full(len(gaps), UNKNOWN)
        asked = np.flatnonzero(np.isfinite(gaps))
        pairs = np.stack([np.minimum(cameras, others), np.maximum(cameras, others)])[:, asked]
        # Sorted once, because a mask for each of many camera pairs would go over all pictures each time.
        order = np.lexsort(pairs[::-1])
        starts = np.flatnonzero(np.r_[True, (np.diff(pairs[:, order], axis=1) != 0).any(axis=0)][: len(order)])
        for places in np.split(asked[order], starts[1:]):
            if len(places) == 0:
                continue
            one, other = int(cameras[places[0]]), int(others[places[0]])
            ratios = self.ratios.get((min(one, other), max(one, other)))
            if ratios is not None:
                result[places] = ratios.probability(gaps[places], is_own=own[places])
        return result


def learn_transitions(labels: np.ndarray, cameras: np.ndarray, seconds: np.ndarray) -> Transitions:
    """Learn from clusters how long people take between each two cameras, and until they come back to one.

    Args:
        labels: (N,) integers, clusters of pictures or tracklets that may be believed; -1 = in none.
        cameras: (N,) integers; -1 = unknown.
        seconds: (N,) on one clock for all cameras; NaN = unknown.

    Returns:
        The transitions of the camera pairs that some cluster spans.

    Raises:
        DataError: the three are not of one length.

    Reference:
        Lv et al., Unsupervised Cross-dataset Person Re-identification by Transfer Learning of Spatial-Temporal
        Patterns, CVPR 2018, learns from pairs that a network believes; Wang et al., Spatial-Temporal Person
        Re-identification, AAAI 2019, smooths histograms by a Gaussian. An approximation: the ratio to the background,
        the 20 pairs that it is shrunk by, and that no pair speaks for itself are ours, and so is the share of wrong
        pairs, where the first corrects by error rates that its network has on labelled data.
    """
    if not np.shape(labels) == np.shape(cameras) == np.shape(seconds) or np.ndim(labels) != 1:
        raise DataError(
            f"labels, cameras and seconds of shapes {np.shape(labels)}, {np.shape(cameras)}, {np.shape(seconds)}",
            "one of each a picture",
        )
    labels, cameras, seconds = np.asarray(labels), np.asarray(cameras), np.asarray(seconds, np.float64)
    known = (cameras >= 0) & np.isfinite(seconds)
    times = {int(camera): np.sort(seconds[known & (cameras == camera)]) for camera in np.unique(cameras[known])}
    found = _gaps_of_clusters(np.where(known, labels, -1), cameras, seconds)
    ratios = {pair: gap_ratios(gaps, _background(times[pair[0]], times[pair[1]])) for pair, gaps in found.items()}
    return Transitions(ratios, labels)


def _gaps_of_clusters(labels: np.ndarray, cameras: np.ndarray, seconds: np.ndarray) -> _Gaps:
    """Return the gaps inside clusters by pair of cameras, the smaller number first."""
    labels = _thinned(labels)
    inside = np.flatnonzero(labels >= 0)
    shape = len(labels), int(labels.max(initial=-1)) + 1
    member = sparse.csr_matrix((np.ones(len(inside), np.int32), (inside, labels[inside])), shape)
    together = (member @ member.T).tocoo()
    one, other = together.row, together.col
    kept = (cameras[one] < cameras[other]) | ((cameras[one] == cameras[other]) & (one < other))
    one, other = one[kept], other[kept]
    gaps = seconds[other] - seconds[one]
    gaps = np.where(cameras[one] == cameras[other], np.abs(gaps), gaps)
    pairs, which = np.unique(np.stack([cameras[one], cameras[other]]), axis=1, return_inverse=True)
    return {(int(a), int(b)): gaps[which.reshape(-1) == k] for k, (a, b) in enumerate(pairs.T)}


def _thinned(labels: np.ndarray) -> np.ndarray:
    """Return the labels with at most `_LARGEST` pictures of each cluster left in it."""
    kept = labels.copy()
    counts = np.bincount(labels[labels >= 0]) if (labels >= 0).any() else np.zeros(0, np.int64)
    for label in np.flatnonzero(counts > _LARGEST):
        rows = np.flatnonzero(labels == label)
        kept[rows] = -1
        kept[rows[np.linspace(0, len(rows) - 1, _LARGEST).astype(np.int64)]] = label
    return kept


def _background(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the gaps between any two pictures of two cameras, or of one and the same."""
    one, other = (
        times[np.linspace(0, len(times) - 1, min(_BACKGROUND, len(times))).astype(np.int64)]
        for times in (first, second)
    )
    gaps = other[None] - one[:, None]
    return np.asarray(gaps[np.triu_indices(len(one), k=1)] if first is second else gaps.reshape(-1))
