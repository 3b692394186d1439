"""What has to be found on one frame, in the form that the detection metrics read."""

from dataclasses import dataclass

import numpy as np

from pipeline.detection_types import FrameBoxes

# float32 pixels carry about 1e-4 of rounding at 2000 px and float32 shares about 1e-7; the bounds of the subsets are
# inclusive, so a height of 50 or a visibility of .65 must not come out a hair below them.
_HEIGHT_DECIMALS = 3
_RATIO_DECIMALS = 6


@dataclass(frozen=True)
class FrameTruth:
    """The annotated boxes of one frame.

    Args:
        boxes: (N, 4) float64 xyxy in pixels, full extents; they may exceed the frame.
        heights: (N,) float64 full heights in pixels, which the subsets read.
        visible_ratio: (N,) float64 visible share of the area, in 0..1.
        ignore: (N,) bool; True = a region that counts neither for nor against a detector.
        areas: (N,) float64 areas for COCO's size classes, or None for the areas of the boxes.
        size: height and width of the frame in pixels, or None where unknown.
    """

    boxes: np.ndarray
    heights: np.ndarray
    visible_ratio: np.ndarray
    ignore: np.ndarray
    areas: np.ndarray | None = None
    size: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        """Check shapes and lengths."""
        count = len(self.boxes)
        assert self.boxes.shape == (count, 4), f"boxes are {self.boxes.shape}, expected (N, 4)"
        columns = (self.heights, self.visible_ratio, self.ignore, *(() if self.areas is None else (self.areas,)))
        lengths = {len(column) for column in columns} | {count}
        assert len(lengths) == 1, f"columns differ in length: {sorted(lengths)}"

    def __len__(self) -> int:
        """Return the number of boxes, ignore regions included."""
        return len(self.boxes)


def frame_truth(annotations: FrameBoxes, *, size: tuple[int, int] | None = None) -> FrameTruth:
    """Convert what a reader returns.

    Args:
        annotations: the boxes of one frame.
        size: height and width of the frame in pixels.
    """
    ratio = np.round(annotations.visible_ratio.astype(np.float64), _RATIO_DECIMALS)
    boxes = annotations.boxes.astype(np.float64)
    return FrameTruth(boxes, box_heights(boxes), ratio, annotations.ignore.astype(bool), size=size)


def box_heights(boxes: np.ndarray) -> np.ndarray:
    """Return the heights of boxes whose sides were stored as float32.

    Args:
        boxes: (N, 4) xyxy.

    Returns:
        (N,) float64, rounded to a thousandth of a pixel.
    """
    sides = boxes.astype(np.float64)
    return np.round(sides[:, 3] - sides[:, 1], _HEIGHT_DECIMALS)
