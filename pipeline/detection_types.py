"""Value objects of pedestrian detection that cross module borders; boxes are absolute xyxy pixels everywhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from torch import Tensor


@dataclass(frozen=True)
class FrameBoxes:
    """What is annotated on one frame.

    Args:
        boxes: (N, 4) float32 xyxy, full extents in pixels of the frame; they may exceed it.
        visible: (N, 4) float32 xyxy, visible extents; equal to `boxes` where a data set has none.
        visible_ratio: (N,) float32 in 0..1.
        ignore: (N,) bool; True = a region that neither trains nor counts for or against a detector.
        person_ids: (N,) int64; -1 where unknown.
        categories: N class names as the data set spells them.
    """

    boxes: np.ndarray
    visible: np.ndarray
    visible_ratio: np.ndarray
    ignore: np.ndarray
    person_ids: np.ndarray
    categories: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check shapes and lengths."""
        count = len(self.boxes)
        assert self.boxes.shape == self.visible.shape == (count, 4), f"boxes are {self.boxes.shape}, expected (N, 4)"
        columns = (self.visible_ratio, self.ignore, self.person_ids, self.categories)
        lengths = {len(column) for column in columns} | {count}
        assert len(lengths) == 1, f"columns differ in length: {sorted(lengths)}"

    def __len__(self) -> int:
        """Return the number of boxes, ignore regions included."""
        return len(self.boxes)


@dataclass(frozen=True)
class BoxTargets:
    """What a detector has to find on one image of a batch, in pixels of that image.

    Args:
        boxes: (N, 4) float32 xyxy, full extents of people.
        weights: (N,) float32 in 0..1; 1 for annotated boxes, the calibrated confidence of a teacher's boxes.
        ignored: (M, 4) float32 xyxy regions in which a detection is neither right nor wrong.
    """

    boxes: Tensor
    weights: Tensor
    ignored: Tensor

    def __post_init__(self) -> None:
        """Check the lengths."""
        assert len(self.boxes) == len(self.weights), f"{len(self.boxes)} boxes, {len(self.weights)} weights"


@dataclass(frozen=True)
class DetectionBatch:
    """One batch of frames from one domain.

    Args:
        images: (B, 3, H, W) uint8 RGB pixels, zero right of and below each frame; each model normalises them itself.
        sizes: (B, 2) int64 height and width of the frame inside its image.
        indices: (B,) int64 positions in the data set's list of frames.
        targets: what has to be found on each image, or None where nobody knows.
        foreground: (B, H, W) uint8, 1 where a pixel differs from its camera's background, 0 where it does not, 2 where
            the background is unknown; None where nobody asked.
        windows: (B, 7) int64 top, left, height and width of the part of the frame that is seen, the height and width
            that it got, and 1 where it was flipped; None where nobody asked.
    """

    images: Tensor
    sizes: Tensor
    indices: Tensor
    targets: tuple[BoxTargets, ...] | None
    foreground: Tensor | None = None
    windows: Tensor | None = None

    def __post_init__(self) -> None:
        """Check that all fields have one entry an image."""
        lengths = {len(self.images), len(self.sizes), len(self.indices)}
        if self.targets is not None:
            lengths.add(len(self.targets))
        assert len(lengths) == 1, f"batch fields differ in length: {sorted(lengths)}"

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.images)

    def pin_memory(self) -> "DetectionBatch":
        """Return the batch with pixels in memory that a device reads by itself; loaders call it by this name."""
        return replace(self, images=self.images.pin_memory())


@dataclass(frozen=True)
class Detections:
    """What a detector found on one frame.

    Args:
        boxes: (N, 4) float32 xyxy.
        scores: (N,) float32 in 0..1, descending.
    """

    boxes: np.ndarray
    scores: np.ndarray

    def __post_init__(self) -> None:
        """Check shapes and lengths."""
        assert self.boxes.shape == (len(self.scores), 4), f"{self.boxes.shape} boxes, {len(self.scores)} scores"

    def __len__(self) -> int:
        """Return the number of detections."""
        return len(self.scores)


@dataclass(frozen=True)
class DetectorShape:
    """What connectors between two detectors have to know of each.

    Args:
        kind: 'faster_rcnn' or 'fcos'.
        strides: of the pyramid's levels in pixels, ascending.
        pyramid_width: channels of each level.
        region_size: cells along a side of a pooled region.
        penultimate_width: width of what the classifier reads: the second fully connected layer of a two-stage
            detector, the last feature map of the classification tower of a one-stage one.
    """

    kind: str
    strides: tuple[int, ...]
    pyramid_width: int
    region_size: int
    penultimate_width: int


@dataclass(frozen=True)
class DetectorTaps:
    """What one detector says about one batch.

    Args:
        pyramid: (B, C, h, w) feature maps by stride.
        rois: for each image the (R_i, 4) boxes on which regions are pooled; R is their sum.
        regions: (R, C, s, s) pooled regions, in the order of `rois`.
        penultimate: (R, F) what the classifier reads at each region.
        region_logits: (R, 2) background and person logits of a two-stage detector, else None.
        region_deltas: (R, 4) box offsets of a two-stage detector, else None.
        dense_logits: (B, A, h, w) person logits of each cell by stride; of a two-stage detector its proposal network's.
        dense_boxes: (B, 4A, h, w) what each cell says about its box, by stride.
        towers: (B, F, h, w) last feature map of the classification tower by stride; empty for a two-stage detector.
    """

    pyramid: Mapping[int, Tensor]
    rois: tuple[Tensor, ...] = ()
    regions: Tensor | None = None
    penultimate: Tensor | None = None
    region_logits: Tensor | None = None
    region_deltas: Tensor | None = None
    dense_logits: Mapping[int, Tensor] = field(default_factory=dict)
    dense_boxes: Mapping[int, Tensor] = field(default_factory=dict)
    towers: Mapping[int, Tensor] = field(default_factory=dict)
