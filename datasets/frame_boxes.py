"""What happens to boxes when their frame is scaled, cropped or flipped, and which of them train a detector."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from datasets.images import resize
from pipeline.detection_types import BoxTargets, FrameBoxes


@dataclass(frozen=True)
class Geometry:
    """A window of a frame, resized and perhaps flipped.

    Args:
        window: top, left, height and width in pixels of the frame.
        size: height and width that the window gets.
        is_flipped: whether left and right change places, at last.
    """

    window: tuple[int, int, int, int]
    size: tuple[int, int]
    is_flipped: bool = False

    @property
    def numbers(self) -> tuple[int, ...]:
        """Return what a row of `DetectionBatch.windows` holds."""
        return (*self.window, *self.size, int(self.is_flipped))

    @classmethod
    def of(cls, numbers: Sequence[int]) -> "Geometry":
        """Return the geometry of such a row."""
        top, left, height, width, new_height, new_width, flipped = numbers
        return cls((top, left, height, width), (new_height, new_width), bool(flipped))

    def pixels(self, image: np.ndarray) -> np.ndarray:
        """Return the (h, w, 3) uint8 pixels of the new frame.

        Args:
            image: (H, W, 3) uint8; not changed.
        """
        top, left, height, width = self.window
        moved = resize(image[top : top + height, left : left + width], self.size)
        return moved[:, ::-1] if self.is_flipped else moved

    def boxes(self, boxes: np.ndarray) -> np.ndarray:
        """Return boxes in pixels of the new frame; nothing is clipped or dropped.

        Args:
            boxes: (N, 4) xyxy in pixels of the old one.

        Returns:
            (N, 4) float32.
        """
        top, left, height, width = self.window
        across, down = self.size[1] / width, self.size[0] / height
        x1, y1, x2, y2 = boxes.astype(np.float64).T
        x1, x2 = (x1 - left) * across, (x2 - left) * across
        if self.is_flipped:
            x1, x2 = self.size[1] - x2, self.size[1] - x1
        return np.stack([x1, (y1 - top) * down, x2, (y2 - top) * down], axis=1).astype(np.float32)

    def annotations(self, annotations: FrameBoxes) -> FrameBoxes:
        """Return full and visible extents in pixels of the new frame.

        Args:
            annotations: of the old frame.
        """
        return replace(annotations, boxes=self.boxes(annotations.boxes), visible=self.boxes(annotations.visible))


def scale_annotations(annotations: FrameBoxes, factor: float) -> FrameBoxes:
    """Return the boxes of a frame that was scaled by one factor.

    Args:
        annotations: of the frame.
        factor: new length of what was one pixel.
    """
    boxes, visible = (
        (b.astype(np.float64) * factor).astype(np.float32) for b in (annotations.boxes, annotations.visible)
    )
    return replace(annotations, boxes=boxes, visible=visible)


def box_targets(
    annotations: FrameBoxes,
    size: tuple[int, int],
    *,
    min_height: float = 0.0,
    min_visible: float = 0.0,
) -> BoxTargets:
    """Choose what a detector has to find on a frame that may have been cropped.

    A person trains where nothing ignores it, its full height reaches `min_height` and its visible ratio, times the
    share of the visible extents inside the frame, reaches `min_visible`. Any other box becomes an ignored region, cut
    at the frame's border. Boxes wholly outside are dropped. Full extents stay, but at most half of a side may lie
    outside: a detector can guess the hidden half of a body, not one of which a sliver shows.

    Args:
        annotations: boxes in pixels of the frame.
        size: height and width of the frame.
        min_height: in pixels of the frame.
        min_visible: 0..1.
    """
    boxes = annotations.boxes
    inside = clip_boxes(boxes, size)
    is_inside = _areas(inside) > 0
    seen, whole = _areas(clip_boxes(annotations.visible, size)), _areas(annotations.visible)
    visible = annotations.visible_ratio * np.divide(seen, whole, out=np.zeros_like(whole), where=whole > 0)
    trains = is_inside & ~annotations.ignore & (boxes[:, 3] - boxes[:, 1] >= min_height) & (visible >= min_visible)
    return BoxTargets(
        boxes=torch.from_numpy(limit_outside(boxes, size)[trains]),
        weights=torch.ones(int(trains.sum())),
        ignored=torch.from_numpy(inside[is_inside & ~trains]),
    )


def limit_outside(boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Shrink what lies outside the frame until it is no longer than what lies inside, for each side on its own.

    Args:
        boxes: (N, 4) float32 xyxy.
        size: height and width of the frame.
    """
    limited = boxes.copy()
    inside = clip_boxes(boxes, size)
    for low, high in ((0, 2), (1, 3)):
        length = inside[:, high] - inside[:, low]
        before, after = inside[:, low] - boxes[:, low], boxes[:, high] - inside[:, high]
        outside = before + after
        share = np.minimum(1.0, np.divide(length, outside, out=np.ones_like(length), where=outside > 0))
        limited[:, low] = inside[:, low] - before * share
        limited[:, high] = inside[:, high] + after * share
    return limited


def clip_boxes(boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Cut boxes at the frame's border; one wholly outside loses its area.

    Args:
        boxes: (N, 4) float32 xyxy.
        size: height and width of the frame.
    """
    height, width = size
    return np.clip(boxes, 0, np.array([width, height, width, height], np.float32))


def _areas(boxes: np.ndarray) -> np.ndarray:
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0).astype(np.float64)
    return sides[:, 0] * sides[:, 1]
