"""What the parse functions of detection formats return, before anybody has looked at an image.

Boxes keep the extents that the format gives: full extents may exceed the frame and are never clipped here. Boxes
without area and boxes that lie wholly outside their frame are dropped, with a count.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.detection_types import FrameBoxes

Extents = tuple[float, float, float, float]


@dataclass(frozen=True)
class BoxRow:
    """One annotated box.

    Args:
        box: xyxy full extents in pixels, 0 = left or upper edge of the first pixel.
        visible: xyxy visible extents, or None where the format has none.
        visible_ratio: 0..1, or None to take it from the areas.
        ignore: whether it is a region in which nothing counts.
        person_id: -1 where unknown.
        category: class name as the format spells it.
    """

    box: Extents
    visible: Extents | None = None
    visible_ratio: float | None = None
    ignore: bool = False
    person_id: int = -1
    category: str = "person"


@dataclass(frozen=True)
class FrameRows:
    """One frame of an annotation file.

    Args:
        path: '/'-separated name of the image, as the format gives it.
        rows: its boxes; None = nobody looked.
        size: height and width that the format claims, or None.
        camera_id: normalised camera name, or None.
        frame: frame number inside the camera's recording, or None.
    """

    path: str
    rows: tuple[BoxRow, ...] | None
    size: tuple[int, int] | None = None
    camera_id: str | None = None
    frame: int | None = None


@dataclass(frozen=True)
class ParsedFrames:
    """The frames of an annotation file, and the number of entries left out by reason."""

    frames: tuple[FrameRows, ...]
    skipped: Mapping[str, int] = field(default_factory=dict)


def xywh(*corner_and_size: float) -> Extents:
    """Return the xyxy extents of a box given by left, top, width and height."""
    x, y, width, height = corner_and_size
    return (x, y, x + width, y + height)


def corner_and_size(box: Sequence[float]) -> Extents:
    """Return left, top, width and height of xyxy extents; doubles made of single-precision corners lose nothing."""
    x1, y1, x2, y2 = box
    return (x1, y1, x2 - x1, y2 - y1)


def area(box: Extents) -> float:
    """Return the area of xyxy extents; 0 where they are turned inside out or not finite."""
    if not all(map(math.isfinite, box)):
        return 0.0
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def build_boxes(rows: Sequence[BoxRow], size: tuple[int, int], *, skipped: Counter[str]) -> FrameBoxes:
    """Turn the rows of one frame into arrays; see the module for what is dropped.

    A visible extent that is not finite counts as unknown; one without area as a ratio of 0.

    Args:
        rows: of the frame.
        size: height and width of the frame in pixels.
        skipped: gets the number of dropped boxes by reason.
    """
    kept = []
    for row in rows:
        reason = _reason_to_drop(row.box, size)
        if reason:
            skipped[reason] += 1
        else:
            kept.append(row)
    visible = [row.visible if row.visible and all(map(math.isfinite, row.visible)) else row.box for row in kept]
    ratios = [_visible_ratio(row, seen) for row, seen in zip(kept, visible, strict=True)]
    return FrameBoxes(
        boxes=np.array([row.box for row in kept], np.float32).reshape(-1, 4),
        visible=np.array(visible, np.float32).reshape(-1, 4),
        visible_ratio=np.array(ratios, np.float32),
        ignore=np.array([row.ignore for row in kept], bool),
        person_ids=np.array([row.person_id for row in kept], np.int64),
        categories=tuple(row.category for row in kept),
    )


def _reason_to_drop(box: Extents, size: tuple[int, int]) -> str:
    corners = np.array(box, np.float32)  # as it will be stored: sides may vanish in rounding
    if not (np.isfinite(corners).all() and corners[0] < corners[2] and corners[1] < corners[3]):
        return "box without area"
    height, width = size
    is_outside = corners[2] <= 0 or corners[3] <= 0 or corners[0] >= width or corners[1] >= height
    return "box outside its frame" if is_outside else ""


def _visible_ratio(row: BoxRow, visible: Extents) -> float:
    ratio = row.visible_ratio
    if ratio is None or not math.isfinite(ratio):
        ratio = area(visible) / area(row.box)
    return min(max(ratio, 0.0), 1.0)
