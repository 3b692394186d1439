"""Which clusters stay the same when the neighbourhood is a little tighter or looser, by counting in O(N)."""

from dataclasses import dataclass

import numpy as np

from pipeline.clustering.dbscan import renumbered
from pipeline.errors import DataError

VARIANTS = ("members_leave", "last_member_stays")


def _with_singletons(labels: np.ndarray) -> np.ndarray:
    """Give every outlier (-1) a cluster of its own, after the real ones."""
    labels = np.asarray(labels, dtype=np.int64)
    result = labels.copy()
    outliers = labels < 0
    result[outliers] = labels.max(initial=-1) + 1 + np.arange(int(outliers.sum()))
    return result


def overlap_of_clusters(labels: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return, for every image, the IoU of its cluster in one labelling with its cluster in another.

    IoU_i = n_ab / (n_a + n_b - n_ab), from the sizes of both clusters and of their intersection.

    Args:
        labels: (N,) integers; -1 = outlier, taken as a cluster of one.
        others: (N,) integers, as above.

    Returns:
        (N,) float64 in (0, 1].

    Raises:
        DataError: when the lengths differ.
    """
    if np.shape(labels) != np.shape(others):
        raise DataError(f"labellings of shapes {np.shape(labels)} and {np.shape(others)}", "one length")
    first, second = _with_singletons(labels), _with_singletons(others)
    _, pair, shared = np.unique(first * (second.max(initial=0) + 1) + second, return_inverse=True, return_counts=True)
    n_ab = shared[pair]
    n_a, n_b = np.bincount(first)[first], np.bincount(second)[second]
    return n_ab / (n_a + n_b - n_ab)


def reliability(labels: np.ndarray, tight: np.ndarray, loose: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how little each image's cluster changes under a looser and under a tighter neighbourhood.

    Args:
        labels: (N,) integers from the normal eps; -1 = outlier.
        tight: (N,) integers from a smaller eps.
        loose: (N,) integers from a larger eps.

    Returns:
        Independence (IoU with the loose cluster) and compactness (IoU with the tight cluster), (N,) float64 in (0, 1];
        1 = unchanged.

    Reference:
        Ge et al., Self-paced Contrastive Learning with Hybrid Memory, NeurIPS 2020. Its code stores 1 - IoU.
    """
    return overlap_of_clusters(labels, loose), overlap_of_clusters(labels, tight)


@dataclass(frozen=True)
class ReliableLabels:
    """Labels after the reliability rule.

    Args:
        labels: (N,) int64 numbered by first appearance; -1 = outlier or unreliable.
        independence_threshold: the threshold that was applied; hand it to the next round.
        num_removed: clustered images that became outliers.
    """

    labels: np.ndarray
    independence_threshold: float
    num_removed: int


def independence_threshold(labels: np.ndarray, independence: np.ndarray) -> float:
    """Return the threshold that keeps about the 90 % most independent clusters with more than one image.

    It is the entry at round(0.9 n) of the clusters' independence in descending order; a cluster has the largest
    independence of its members.

    Args:
        labels: (N,) int64 normal labels; -1 = outlier.
        independence: (N,) in (0, 1].

    Returns:
        The threshold; 0 where there is no such cluster.
    """
    inside = labels >= 0
    if not inside.any():
        return 0.0
    best = _largest_a_cluster(labels, independence)
    best = np.sort(best[np.bincount(labels[inside]) > 1])[::-1]
    return float(best[min(len(best) - 1, round(0.9 * len(best)))]) if len(best) else 0.0


def _largest_a_cluster(labels: np.ndarray, values: np.ndarray) -> np.ndarray:
    best = np.zeros(int(labels.max(initial=-1)) + 1)
    np.maximum.at(best, labels[labels >= 0], values[labels >= 0])
    return best


def reliable_labels(
    labels: np.ndarray,
    tight: np.ndarray,
    loose: np.ndarray,
    *,
    threshold: float | None = None,
    variant: str = "members_leave",
) -> ReliableLabels:
    """Keep images of independent clusters that are as compact as their cluster's best; the others become outliers.

    Image i stays when the largest independence in its cluster reaches the threshold and its own compactness reaches the
    largest compactness in its cluster.

    Args:
        labels: (N,) integers from the normal eps; -1 = outlier.
        tight: (N,) integers from a smaller eps.
        loose: (N,) integers from a larger eps.
        threshold: independence threshold of the first round, or None to take it from these labels.
        variant: 'members_leave' is the rule as published; in 'last_member_stays' a cluster that would lose everybody
            keeps its last image.

    Returns:
        The labels, the threshold and the number of images removed.

    Raises:
        DataError: when lengths differ or there is no such variant.

    Reference:
        Ge et al., Self-paced Contrastive Learning with Hybrid Memory, NeurIPS 2020; 'last_member_stays' is the rule of
        the same authors' later toolbox. Images that leave are outliers (-1) here, clusters of one there.
    """
    if variant not in VARIANTS:
        raise DataError(f"a reliability variant called {variant!r}", f"one of {', '.join(VARIANTS)}")
    labels = renumbered(labels)
    independence, compactness = reliability(labels, tight, loose)
    threshold = independence_threshold(labels, independence) if threshold is None else threshold
    inside = labels >= 0
    own = labels[inside]
    stays = np.zeros(len(labels), dtype=bool)
    stays[inside] = (_largest_a_cluster(labels, independence)[own] >= threshold) & (
        compactness[inside] >= _largest_a_cluster(labels, compactness)[own]
    )
    if variant == "last_member_stays":
        lost = np.bincount(own, weights=stays[inside], minlength=int(labels.max(initial=-1)) + 1) == 0
        last = np.zeros(len(lost), dtype=np.int64)
        np.maximum.at(last, own, np.flatnonzero(inside))
        stays[last[lost]] = True
    kept = renumbered(np.where(stays, labels, -1))
    return ReliableLabels(kept, float(threshold), int((inside & ~stays).sum()))
