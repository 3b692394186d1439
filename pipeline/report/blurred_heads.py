"""Makes heads in pictures for reports unrecognisable, by where a head is in a person's box and not by finding faces."""

import base64
import binascii
import io

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

# Share of a whole person's box that the head, its hair and some margin take from the top.
HEAD_SHARE = 0.25
# Of a box that shows the upper body alone, the head is so much of the width.
HEAD_PER_WIDTH = 0.6
MARGIN = 0.06
# A head is painted with so many colours across and down, however large it is in the picture.
CELLS = (4, 3)


def blurred_heads(image: np.ndarray, boxes: np.ndarray | None = None) -> np.ndarray:
    """Return a copy of a picture in which the upper part of every person's box holds a few smooth colours.

    No face is looked for, because a detector of faces fails where pictures are small, dark or from behind. The part
    is ``max(0.25 h, 0.6 w)`` high from the top of a box of height h and width w, and a little more to all sides. The
    head of somebody who bends down deeply or lies may lie below it, and that of a person without a box is untouched.

    Args:
        image: (H, W, 3) uint8 RGB.
        boxes: (N, 4) xyxy of people in pixels, in any order, partly outside of the picture or not; None where the
            picture is a person's crop.

    Returns:
        (H, W, 3) uint8.
    """
    assert image.ndim == 3, f"an (H, W, 3) picture, got {image.shape}"
    assert image.dtype == np.uint8, f"a uint8 picture, got {image.dtype}"
    height, width = image.shape[:2]
    rows = np.array([[0.0, 0.0, width, height]]) if boxes is None else np.asarray(boxes, np.float64).reshape(-1, 4)
    painted = np.array(image)
    # In an order of their own, so that the order of the boxes does not show where heads overlap.
    for left, top, right, bottom in sorted(set(map(tuple, rows.tolist()))):
        across = slice(*_clipped(left, right, MARGIN * (right - left), width))
        high = max(HEAD_SHARE * (bottom - top), min(HEAD_PER_WIDTH * (right - left), bottom - top))
        lowest = _clipped(top, bottom, 0.0, height)[1]
        down = slice(_clipped(top, top + high, MARGIN * (bottom - top), height)[0], min(lowest, round(top + high)))
        if across.stop > across.start and down.stop > down.start:
            painted[down, across] = _few_colours(image[down, across])
    return painted


def blurred_thumbnail(encoded: object, boxes: np.ndarray | None = None) -> str:
    """Blur the heads in a picture as reports keep it.

    Args:
        encoded: base64 text of a JPEG or PNG file, with or without the prefix of a data URI.
        boxes: (N, 4) xyxy of people as shares of width and height; None where the picture is a person's crop.

    Returns:
        base64 text of a JPEG file; empty for what is no picture.
    """
    try:
        data = base64.b64decode("".join(str(encoded).rpartition("base64,")[2].split()), validate=True)
        image = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    except (binascii.Error, ValueError, UnidentifiedImageError, OSError, Image.DecompressionBombError):
        return ""
    height, width = image.shape[:2]
    places = None if boxes is None else np.asarray(boxes, np.float64).reshape(-1, 4) * (width, height, width, height)
    buffer = io.BytesIO()
    Image.fromarray(blurred_heads(image, places)).save(buffer, format="JPEG", quality=82, optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _clipped(low: float, high: float, margin: float, size: int) -> tuple[int, int]:
    return max(0, round(low - margin)), min(size, round(high + margin))


def _few_colours(part: np.ndarray) -> np.ndarray:
    height, width = part.shape[:2]
    # Never finer than four pixels: a face of eight is no face any more when it has two colours.
    cells = min(CELLS[0], max(1, width // 4)), min(CELLS[1], max(1, height // 4))
    means = cv2.resize(part, cells, interpolation=cv2.INTER_AREA)
    return cv2.resize(means, (width, height), interpolation=cv2.INTER_LINEAR)
