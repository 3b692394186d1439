"""What a round knows about the target: embeddings, camera statistics, pseudo-labels, centroids."""

from dataclasses import dataclass

import numpy as np
import torch

from datasets.loader import CropDataset
from pipeline.clustering.pseudo_labels import PseudoLabels, assign_pseudo_labels
from pipeline.clustering.tracklets import Tracklets
from pipeline.losses.supervised.centroid_contrast import CentroidContrast
from pipeline.losses.supervised.proxy_contrast import ProxyContrast
from pipeline.metrics.clustering import agreement, cross_camera_share
from pipeline.models.camera_statistics import CameraStatistics, fit_camera_statistics
from pipeline.training.camera_space import CameraSpace
from pipeline.training.embedding_cache import EmbeddingCache
from pipeline.training.precision import Precision
from pipeline.training.progressive import Side


@dataclass(frozen=True)
class TargetCrops:
    """The unlabelled crops, as they are and not augmented.

    Args:
        crops: in listing order; labels are None.
        names: of the cameras, in the order of their positions.
        tracklets: of the crops, or None where they are not used.
    """

    crops: CropDataset
    names: tuple[str, ...]
    tracklets: Tracklets | None = None

    @property
    def cameras(self) -> np.ndarray:
        """Return the (N,) camera positions."""
        return self.crops.cameras


@dataclass(frozen=True)
class View:
    """How one network sees all target crops.

    Args:
        raw: (N, D) BNNeck embeddings.
        features: (N, D) what is compared: standardised by camera or not, of length one.
        statistics: of the cameras.
    """

    raw: np.ndarray
    features: np.ndarray
    statistics: CameraStatistics


def view_of(
    side: Side, target: TargetCrops, *, standardise: bool, precision: Precision, cache: EmbeddingCache | None = None
) -> View:
    """Embed the target with a side's mean network.

    Args:
        side: teacher or student.
        target: the crops.
        standardise: compare embeddings after per-camera standardisation.
        precision: autocast settings.
        cache: knows networks that rest; None embeds in any case.
    """
    raw = (cache or EmbeddingCache()).embeddings(side.mean, target.crops, precision=precision)
    statistics = fit_camera_statistics(raw, target.cameras, names=target.names)
    if standardise:
        return View(raw, statistics.standardise(raw, target.cameras), statistics)
    return View(raw, raw / np.maximum(np.linalg.norm(raw, axis=1, keepdims=True), 1e-12), statistics)


def cluster(views: list[View], target: TargetCrops, *, threshold: float | None, **settings: object) -> PseudoLabels:
    """Cluster the target in the common space of one or several networks.

    Args:
        views: the networks' views; their similarities are averaged.
        target: the crops.
        threshold: of the reliability rule, from the first round.
        settings: further arguments of `assign_pseudo_labels`.
    """
    joined = np.concatenate([view.features for view in views], axis=1) / np.sqrt(len(views))
    return assign_pseudo_labels(
        joined.astype(np.float32),
        target.cameras,
        independence_threshold=threshold,
        tracklets=target.tracklets,
        **settings,  # type: ignore[arg-type]
    )


def prepare_side(
    side: Side, view: View, labels: np.ndarray | None, target: TargetCrops, *, standardise: bool, device: torch.device,
    teacher_view: View | None = None,
) -> None:  # fmt: skip
    """Give a side the camera space, centroids and proxies of a new round.

    Args:
        side: teacher or student.
        view: how it sees the target.
        labels: (N,) pseudo-labels, or None in phases without clusters.
        target: the crops.
        standardise: as in `view_of`.
        device: where it computes.
        teacher_view: the teacher's view, for soft labels.
    """
    side.space = CameraSpace.of(view.statistics, device) if standardise else None
    if labels is None:
        return
    centroids = class_means(view.features, labels)
    soft = None if teacher_view is None else torch.from_numpy(class_means(teacher_view.features, labels)).to(device)
    for objective in side.objectives.of_type(CentroidContrast):
        objective.reset(torch.from_numpy(centroids).to(device), soft)
    for objective in side.objectives.of_type(ProxyContrast):
        objective.reset(
            torch.from_numpy(view.features).to(device), torch.from_numpy(labels).to(device),
            torch.from_numpy(target.cameras).to(device),
        )  # fmt: skip


def class_means(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the (C, D) mean of the features of each label 0..C-1; -1 is left out."""
    count = int(labels.max(initial=-1)) + 1
    sums = np.zeros((count, features.shape[1]), np.float32)
    np.add.at(sums, labels[labels >= 0], features[labels >= 0])
    sizes = np.bincount(labels[labels >= 0], minlength=count)
    return sums / np.maximum(sizes, 1)[:, None].astype(np.float32)


def round_facts(found: PseudoLabels, last: np.ndarray | None, cameras: np.ndarray) -> dict[str, float | int | None]:
    """Return what a round's log row says about its clusters.

    Args:
        found: the pseudo-labels.
        last: those of the round before, or None.
        cameras: (N,) camera positions.
    """
    same = None if last is None else agreement(last, found.labels)["adjusted_rand"]
    share = float(found.num_outliers) / max(1, len(found.labels))
    linked = {} if found.num_nodes is None else {"tracklets": found.num_nodes}
    return {
        "clusters": found.num_clusters, "outliers": share, "unreliable": found.num_unreliable, "agreement": same,
        "eps": found.eps, "cross_camera": cross_camera_share(found.labels, cameras),
        **linked,
    }  # fmt: skip
