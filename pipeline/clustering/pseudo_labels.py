"""From unlabelled features to pseudo-labels: tracklets, Jaccard distances, DBSCAN, the reliability rule, and alarms."""

import logging
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from scipy import sparse

from pipeline.clustering.collapse import EQUAL_FEATURES, collapse_of, features_are_equal
from pipeline.clustering.dbscan import without_small_clusters
from pipeline.clustering.eps import EPS_GRID
from pipeline.clustering.jaccard import camera_aware_jaccard_distance, jaccard_distance
from pipeline.clustering.node_labels import cluster_nodes
from pipeline.clustering.tracklets import LEAST_K1, LEAST_K2, LEAST_SAMPLES, Nodes, Tracklets, nodes_of
from pipeline.clustering.transition_fusion import fused_distances
from pipeline.errors import DataError
from pipeline.retrieval.search import SearchFunction
from pipeline.retrieval.transitions import learn_transitions

LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class PseudoLabels:
    """What one round of clustering says about the target images.

    Args:
        labels: (N,) int64 pseudo-labels 0..C-1 by first appearance; -1 = outlier.
        centroids: (C, D) float32 L2-normalised mean features of the clusters.
        eps: the DBSCAN radius that was used.
        independence_threshold: threshold of the reliability rule; hand it to the next round.
        num_unreliable: clustered images that the reliability rule took out.
        collapse: a sentence when the clusters cannot be trained on, or None.
        eps_scores: silhouette by candidate where eps was chosen here.
        num_nodes: what was clustered; fewer than images where tracklets were contracted, None without tracklets.
    """

    labels: np.ndarray
    centroids: np.ndarray
    eps: float
    independence_threshold: float | None = None
    num_unreliable: int = 0
    collapse: str | None = None
    eps_scores: dict[float, float] = field(default_factory=dict)
    num_nodes: int | None = None

    @property
    def num_clusters(self) -> int:
        """Return the number of clusters."""
        return len(self.centroids)

    @property
    def num_outliers(self) -> int:
        """Return the number of images without a cluster."""
        return int((self.labels < 0).sum())

    def summary(self) -> dict[str, float]:
        """Return the numbers for a log line."""
        sizes = np.bincount(self.labels[self.labels >= 0], minlength=1)
        return {
            "images": len(self.labels),
            "clusters": self.num_clusters,
            "outliers": self.num_outliers,
            "unreliable": self.num_unreliable,
            "largest_share": float(sizes.max()) / max(len(self.labels), 1),
            "eps": self.eps,
        }


def assign_pseudo_labels(
    features: np.ndarray,
    cameras: np.ndarray | None = None,
    *,
    k1: int = 30,
    k2: int = 6,
    eps: float | str = 0.6,
    eps_gap: float | None = 0.02,
    min_samples: int = 4,
    camera_aware: bool = False,
    min_cluster_size: int = 2,
    independence_threshold: float | None = None,
    tracklets: Tracklets | None = None,
    transitions: str = "off",
    search: SearchFunction | None = None,
) -> PseudoLabels:
    """Cluster the target images and keep the reliable ones.

    Args:
        features: (N, D) floating point, no row of zeros; L2-normalised here.
        cameras: (N,) integers, -1 = unknown; needed where `camera_aware` is set.
        k1: neighbours a list; camera-aware lists split it 1 : 4 between the own camera and the others (5 and 20 at 25).
        k2: neighbours of the local query expansion; camera-aware lists split it 1 : 2 (2 and 4 at 6).
        eps: DBSCAN radius in (0, 1), or 'auto' for the one with the best label-free silhouette on a grid.
        eps_gap: the reliability rule compares eps with eps - gap and eps + gap; None leaves the rule out.
        min_samples: neighbours that make a core image, itself included.
        camera_aware: whether to use neighbour lists inside and across cameras.
        min_cluster_size: smaller clusters become outliers.
        independence_threshold: of the first round, or None to take it from this one.
        tracklets: of the images; each is clustered as one, apart from those that its camera saw at the same time, and
            k1, k2 and min_samples are divided by the mean number of images a tracklet.
        transitions: 'off', or 'fuse' to cluster twice, the second time with distances that are larger where the times
            between cameras are unlike those of the first clusters.
        search: who finds neighbours; by default the flat index.

    Returns:
        The pseudo-labels; a collapse is a field and not an exception, for the caller knows what to do with it.

    Raises:
        DataError: for features that are not finite or zero in some rows, a wrong eps, missing cameras, or transitions
            without tracklets.
    """
    _check_choices(eps, transitions, tracklets)
    gap = eps_gap or 0.0
    keep = min(1.0, (max(EPS_GRID) + 0.15 if isinstance(eps, str) else eps) + gap)
    rows = _normalised(features)
    if rows.ndim == 2 and features_are_equal(rows):
        LOGGER.warning("pseudo-labels: %s", EQUAL_FEATURES)
        nobody = np.full(len(rows), -1, dtype=np.int64)
        return PseudoLabels(nobody, rows[:0], 0.0 if isinstance(eps, str) else eps, collapse=EQUAL_FEATURES)
    _refuse_zero_rows(rows)
    nodes = nodes_of(rows, None if cameras is None else np.asarray(cameras), tracklets)
    distances = _distances(nodes, camera_aware, (k1, k2), keep, search)
    clustered = partial(
        cluster_nodes, eps=eps, gap=eps_gap, threshold=independence_threshold, apart=nodes.apart,
        min_samples=nodes.scaled(min_samples, least=LEAST_SAMPLES),
    )  # fmt: skip
    found = clustered(distances)
    if transitions == "fuse" and nodes.cameras is not None:
        learnt = learn_transitions(found.labels, nodes.cameras, nodes.seconds)
        found = clustered(fused_distances(distances, learnt, nodes.cameras, nodes.seconds))
    labels = without_small_clusters(found.labels[nodes.of_image], min_size=min_cluster_size)
    collapse = collapse_of(labels)
    if collapse:
        LOGGER.warning("pseudo-labels: %s", collapse)
    return PseudoLabels(
        labels, cluster_centroids(rows, labels), found.eps, found.threshold,
        int(found.is_unreliable[nodes.of_image].sum()), collapse, found.eps_scores,
        None if tracklets is None else len(nodes.features),
    )  # fmt: skip


def _check_choices(eps: float | str, transitions: str, tracklets: Tracklets | None) -> None:
    if isinstance(eps, str) and eps != "auto":
        raise DataError(f"eps {eps!r}", "a number or 'auto'")
    if transitions not in ("off", "fuse"):
        raise DataError(f"transitions {transitions!r}", "'off' or 'fuse'")
    if transitions == "fuse" and (tracklets is None or not np.isfinite(tracklets.seconds).any()):
        raise DataError(
            "clustering.transitions is fuse, and no time of a tracklet is known", "tracklets with times on one clock",
            "Switch clustering.transitions off.",
        )  # fmt: skip
    if transitions == "fuse" and tracklets is not None and not tracklets.has_clock:
        raise DataError(
            "clustering.transitions is fuse, and each camera's times count from its own beginning",
            "tracklets with times on one clock",
            "Give each recording's start in the camera table, or switch clustering.transitions off.",
        )


def _normalised(features: np.ndarray) -> np.ndarray:
    rows = np.asarray(features, dtype=np.float32)
    norms = np.linalg.norm(rows, axis=-1, keepdims=True)
    return rows / np.where(norms > 0, norms, 1)


def _refuse_zero_rows(rows: np.ndarray) -> None:
    """Raise for rows without a direction: at distance 1 from everyone, they would be in everybody's lists."""
    zero = np.flatnonzero(~rows.any(axis=-1))
    if zero.size:
        raise DataError(
            f"{zero.size} of {len(rows)} features are zero, the first is row {zero[0]}",
            "vectors with a direction",
            "Look for the step where the model's output broke.",
        )


def _distances(
    nodes: Nodes, camera_aware: bool, ks: tuple[int, int], keep: float, search: SearchFunction | None
) -> sparse.csr_matrix:
    k1, k2 = (nodes.scaled(k, least=least) for k, least in zip(ks, (LEAST_K1, LEAST_K2), strict=True))
    rows, cameras = nodes.features, nodes.cameras
    if not camera_aware:
        return jaccard_distance(rows, k1=k1, k2=k2, keep_below=keep, search=search)
    if cameras is None:
        raise DataError("camera-aware clustering without cameras", "a camera for each image", "Use -1 where unknown.")
    inside, near = max(1, round(k1 / 5)), max(1, round(k2 / 3))
    return camera_aware_jaccard_distance(
        rows, cameras, k1=(inside, max(1, k1 - inside)), k2=(near, max(0, k2 - near)), keep_below=keep, search=search
    )


def cluster_centroids(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the L2-normalised mean feature of every cluster.

    Args:
        features: (N, D) float32.
        labels: (N,) int64 in -1..C-1.

    Returns:
        (C, D) float32.
    """
    inside = np.flatnonzero(labels >= 0)
    count = int(labels.max(initial=-1)) + 1
    chooser = sparse.csr_matrix((np.ones(len(inside), np.float32), (labels[inside], inside)), (count, len(labels)))
    return (
        _normalised(np.asarray(chooser @ features, dtype=np.float32))
        if count
        else np.zeros((0, features.shape[1]), np.float32)
    )
