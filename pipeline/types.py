"""Value objects that cross module borders; each checks its own lengths and shapes once."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor


@dataclass(frozen=True)
class ReIDBatch:
    """One batch of person crops from one domain.

    Args:
        images: (B, 3, H, W) uint8 RGB pixels; each model normalises them itself.
        indices: (B,) int64 positions in the data set's sample list.
        labels: (B,) int64 class or pseudo-label in 0..C-1 (-1 = outlier), or None where there is none.
        cameras: (B,) int64 camera positions in the data set's camera list; -1 = unknown.
    """

    images: Tensor
    indices: Tensor
    labels: Tensor | None
    cameras: Tensor

    def __post_init__(self) -> None:
        """Check that all fields have one entry an image."""
        lengths = {len(self.images), len(self.indices), len(self.cameras)}
        if self.labels is not None:
            lengths.add(len(self.labels))
        assert len(lengths) == 1, f"batch fields differ in length: {sorted(lengths)}"

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.images)

    def pin_memory(self) -> "ReIDBatch":
        """Return the batch in memory that a device reads by itself; loaders call it by this name."""
        labels = None if self.labels is None else self.labels.pin_memory()
        return ReIDBatch(self.images.pin_memory(), self.indices.pin_memory(), labels, self.cameras.pin_memory())


@dataclass(frozen=True)
class ClipBatch:
    """One batch of clips of tracklets from one domain.

    Args:
        images: (B, L, 3, H, W) uint8 RGB pixels; each model normalises them itself.
        indices: (B,) int64 positions in the list of tracklets.
        labels: (B,) int64 class in 0..C-1, or None where there is none.
        cameras: (B,) int64 camera positions; -1 = unknown.
    """

    images: Tensor
    indices: Tensor
    labels: Tensor | None
    cameras: Tensor

    def __len__(self) -> int:
        """Return the number of images, frame by frame."""
        return self.images.shape[0] * self.images.shape[1]

    def pin_memory(self) -> "ClipBatch":
        """Return the batch in memory that a device reads by itself; loaders call it by this name."""
        labels = None if self.labels is None else self.labels.pin_memory()
        return ClipBatch(self.images.pin_memory(), self.indices.pin_memory(), labels, self.cameras.pin_memory())


@dataclass(frozen=True)
class Taps:
    """What one network says about one batch.

    Args:
        embedding: (B, D) pooled embedding before the BNNeck; triplet, MMD and relations read it.
        bn_embedding: (B, D) embedding after the BNNeck, not L2-normalised; retrieval and centroids read it.
        logits: (B, C) source-identity logits, or None where the network has no classifier.
        maps: feature maps by tap name, each (B, c, h, w).
    """

    embedding: Tensor
    bn_embedding: Tensor
    logits: Tensor | None = None
    maps: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class NetworkShape:
    """What objectives have to know of a network before it runs.

    Args:
        width: of both embeddings.
        num_classes: of the classifier, or None without one.
        maps: channels of each feature map by tap name: stage1, stage2, ... and last, then plain module names.
        blocks: by stage, names of the maps inside it that have its own shape, in the order of the forward pass, where
            there are several.
    """

    width: int
    num_classes: int | None
    maps: Mapping[str, int]
    blocks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class LossTerms:
    """A weighted sum and its parts.

    Args:
        total: scalar that is back-propagated.
        parts: unweighted scalar terms by their config key, detached.
        facts: further scalars to log, detached; no part of the sum.
    """

    total: Tensor
    parts: Mapping[str, Tensor]
    facts: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class EmbeddingTable:
    """Embeddings of a list of images with what retrieval has to know about each.

    Args:
        features: (N, D) float32.
        person_ids: (N,) int64; -1 where unknown.
        camera_ids: (N,) int64; -1 where unknown.
        keys: N names, one an image.
    """

    features: np.ndarray
    person_ids: np.ndarray
    camera_ids: np.ndarray
    keys: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check the lengths of all columns."""
        lengths = {len(self.features), len(self.person_ids), len(self.camera_ids), len(self.keys)}
        assert len(lengths) == 1, f"table columns differ in length: {sorted(lengths)}"
        assert self.features.ndim == 2, f"features must be (N, D), got {self.features.shape}"

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.keys)
