"""From distances to clusters of nodes: the radius, constrained DBSCAN and the reliability rule."""

from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from pipeline.clustering.cannot_link import constrained_labels
from pipeline.clustering.eps import choose_eps
from pipeline.clustering.reliability import reliable_labels


@dataclass(frozen=True)
class NodeLabels:
    """Clusters of nodes.

    Args:
        labels: (M,) int64; -1 = outlier or unreliable.
        is_unreliable: (M,) bool, whom the reliability rule took out.
        eps: radius that was used.
        threshold: of the reliability rule, None without it.
        eps_scores: silhouette by candidate where eps was chosen here.
    """

    labels: np.ndarray
    is_unreliable: np.ndarray
    eps: float
    threshold: float | None = None
    eps_scores: dict[float, float] = field(default_factory=dict)


def cluster_nodes(
    distances: sparse.csr_matrix,
    *,
    eps: float | str,
    gap: float | None,
    threshold: float | None,
    min_samples: int,
    apart: np.ndarray,
) -> NodeLabels:
    """Cluster nodes by their distances.

    Args:
        distances: (M, M) CSR that holds every distance up to the largest radius.
        eps: radius, or 'auto' for the one with the best label-free silhouette.
        gap: of the reliability rule; None leaves it out.
        threshold: of the rule, or None to take it from these clusters.
        min_samples: nodes that make a core node, itself included.
        apart: (P, 2) int64 pairs of nodes that no cluster may hold.
    """
    scores: dict[float, float] = {}
    if isinstance(eps, str):
        eps, scores = choose_eps(distances, min_samples=min_samples, apart=apart)
    labels = constrained_labels(distances, apart, eps=eps, min_samples=min_samples)
    if gap is None:
        return NodeLabels(labels, np.zeros(len(labels), bool), eps, None, scores)
    tight, loose = (
        constrained_labels(distances, apart, eps=max(radius, 1e-6), min_samples=min_samples)
        for radius in (eps - gap, eps + gap)
    )
    kept = reliable_labels(labels, tight, loose, threshold=threshold)
    return NodeLabels(kept.labels, (labels >= 0) & (kept.labels < 0), eps, kept.independence_threshold, scores)
