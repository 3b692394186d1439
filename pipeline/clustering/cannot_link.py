"""DBSCAN whose clusters hold no pair of nodes that are known to be two people."""

import numpy as np
from scipy import sparse

from pipeline.clustering.dbscan import dbscan_labels, renumbered

NO_PAIRS = np.zeros((0, 2), np.int64)


def constrained_labels(
    distances: sparse.csr_matrix, apart: np.ndarray, *, eps: float, min_samples: int = 4
) -> np.ndarray:
    """Return DBSCAN labels, with the clusters that hold a forbidden pair split.

    Args:
        distances: as in `dbscan_labels`.
        apart: (P, 2) int64 pairs that cannot be one person.
        eps: as in `dbscan_labels`.
        min_samples: as in `dbscan_labels`; smaller parts of a split cluster become outliers.

    Returns:
        (N,) int64 labels numbered by first appearance; -1 = outlier.
    """
    return parted(dbscan_labels(distances, eps=eps, min_samples=min_samples), distances, apart, eps=eps,
                  min_size=min_samples)  # fmt: skip


def parted(
    labels: np.ndarray, distances: sparse.csr_matrix, apart: np.ndarray, *, eps: float, min_size: int
) -> np.ndarray:
    """Split the clusters that hold a forbidden pair, by joining their members anew.

    Inside such a cluster every node begins alone; the closest pair of nodes within `eps` joins its two groups, then the
    next closest, unless the joined group would hold a forbidden pair. What stays below `min_size` becomes an outlier.

    Args:
        labels: (N,) int64; -1 = outlier.
        distances: (N, N) symmetric CSR; a missing entry means "too far".
        apart: (P, 2) int64 pairs that cannot be one person.
        eps: largest distance that joins.
        min_size: smallest part that stays a cluster.

    Returns:
        (N,) int64 labels numbered by first appearance; clusters without such a pair are as they were.

    Reference:
        Single linkage under cannot-link constraints, after Davidson and Ravi, Agglomerative Hierarchical Clustering
        with Constraints, PKDD 2005. DBSCAN joins core nodes as single linkage does; to split only where constraints
        are broken is ours.
    """
    broken = apart[(labels[apart[:, 0]] >= 0) & (labels[apart[:, 0]] == labels[apart[:, 1]])]
    if len(broken) == 0:
        return labels
    is_split = np.isin(labels, labels[broken[:, 0]]) & (labels >= 0)
    groups = _Groups(np.flatnonzero(is_split), broken)
    pairs = sparse.triu(distances, k=1).tocoo()
    near = is_split[pairs.row] & (labels[pairs.row] == labels[pairs.col]) & (pairs.data <= eps)
    first, second, length = pairs.row[near], pairs.col[near], pairs.data[near]
    for k in np.lexsort((second, first, length)):
        groups.join(int(first[k]), int(second[k]))
    result = labels.copy()
    result[is_split] = -1
    fresh = int(labels.max()) + 1
    for number, members in enumerate(groups.of_at_least(min_size)):
        result[members] = fresh + number
    return renumbered(result)


class _Groups:
    """Disjoint groups of nodes that refuse to join where the pair is forbidden."""

    def __init__(self, nodes: np.ndarray, apart: np.ndarray) -> None:
        self._group = {int(node): int(node) for node in nodes}
        self._members = {int(node): [int(node)] for node in nodes}
        self._foes: dict[int, set[int]] = {int(node): set() for node in nodes}
        for one, other in apart.tolist():
            self._foes[one].add(other)
            self._foes[other].add(one)

    def join(self, one: int, other: int) -> None:
        """Make one group of those of two nodes, where no member of one is a foe of the other."""
        large, small = self._group[one], self._group[other]
        if len(self._members[large]) < len(self._members[small]):
            large, small = small, large
        if large == small or not self._foes[large].isdisjoint(self._members[small]):
            return
        for node in self._members[small]:
            self._group[node] = large
        self._members[large] += self._members.pop(small)
        self._foes[large] |= self._foes.pop(small)

    def of_at_least(self, size: int) -> list[list[int]]:
        """Return the members of the groups that are large enough."""
        return [members for members in self._members.values() if len(members) >= size]
