"""A contact sheet of street frames with their boxes drawn: people green, their visible part yellow, ignored red."""

import cv2
import numpy as np

from datasets.frame_records import FrameData, FrameSample
from pipeline.errors import DataError

_GAP = 4
_FULL, _VISIBLE, _IGNORED = (60, 220, 60), (250, 220, 40), (230, 50, 50)


def make_frame_sheet(data: FrameData, *, columns: int, rows: int) -> np.ndarray:
    """Lay out frames with their boxes.

    Args:
        data: the frames, all of one size.
        columns: frames side by side, evenly spaced in each camera's recording.
        rows: number of rows; the cameras take turns.

    Returns:
        (H, W, 3) uint8 RGB, frames on white.
    """
    by_camera = {name: [s for s in data.samples if s.camera_id == name] for name in data.cameras}
    height, width = data.samples[0].size
    sheet = np.full((rows * (height + _GAP) + _GAP, columns * (width + _GAP) + _GAP, 3), 255, np.uint8)
    names = list(by_camera)
    for row in range(rows):
        samples = by_camera[names[row % len(names)]]
        turns = -(-rows // len(names))
        for column in range(columns):
            place = (column * turns + row // len(names)) * len(samples) // (columns * turns)
            top, left = _GAP + row * (height + _GAP), _GAP + column * (width + _GAP)
            sheet[top : top + height, left : left + width] = with_boxes(data.load(samples[place]), samples[place])
    return sheet


def with_boxes(image: np.ndarray, sample: FrameSample) -> np.ndarray:
    """Return a frame with its boxes drawn on a copy.

    Args:
        image: (H, W, 3) uint8 RGB.
        sample: its record.

    Raises:
        DataError: the frame has no annotations.
    """
    if sample.annotations is None:
        raise DataError(f"{sample.path!r} has no annotations", "a labelled frame")
    drawn, marks = image.copy(), sample.annotations
    for box, visible, is_ignored in zip(marks.boxes, marks.visible, marks.ignore, strict=True):
        if not is_ignored and not np.allclose(box, visible, atol=1.5):
            _outline(drawn, visible, _VISIBLE)
        _outline(drawn, box, _IGNORED if is_ignored else _FULL)
    return drawn


def _outline(image: np.ndarray, box: np.ndarray, colour: tuple[int, int, int]) -> None:
    left, top, right, bottom = np.round(box).astype(int).tolist()
    cv2.rectangle(image, (left - 1, top - 1), (right, bottom), colour, 1)
