"""Cut-out pictures: colours multiplied by their coverage, and where they stand."""

from typing import NamedTuple

import cv2
import numpy as np

_FINER = 2


Windows = tuple[tuple[slice, slice], tuple[slice, slice]]


def overlap(shape: tuple[int, ...], own: tuple[int, ...], corner: tuple[int, int]) -> Windows | None:
    """Return the part of a picture that a smaller one covers, and the same part of the smaller one.

    Args:
        shape: of the picture, height and width first.
        own: of the smaller one.
        corner: column and row of its left upper corner on the picture; may be outside.

    Returns:
        two windows, or None where it is outside.
    """
    left, top = corner
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(shape[1], left + own[1]), min(shape[0], top + own[0])
    if x1 <= x0 or y1 <= y0:
        return None
    return (slice(y0, y1), slice(x0, x1)), (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))


class Sprite(NamedTuple):
    """A cut-out.

    Args:
        paint: (h, w, 4) float32, RGB 0..1 multiplied by the coverage, and the coverage 0..1.
        left: column of its left edge on the picture; may be outside.
        top: row of its upper edge.
    """

    paint: np.ndarray
    left: int
    top: int

    def paste(self, canvas: np.ndarray, *, haze: float, veil: np.ndarray) -> None:
        """Lay it over a picture, in place.

        Args:
            canvas: (H, W, 3) float32 RGB, 0..1.
            haze: part of it that the veil replaces, 0..1.
            veil: (3,) float32 RGB of the haze.
        """
        if (windows := overlap(canvas.shape, self.paint.shape, (self.left, self.top))) is None:
            return
        there, own = windows
        paint = self.paint[own]
        cover = paint[..., 3:]
        canvas[there] *= 1.0 - cover
        canvas[there] += paint[..., :3] * np.float32(1.0 - haze) + cover * (veil * np.float32(haze))


class Brush:
    """Paints one thing in metres, on a sheet of its own; right and up count from where it touches the ground.

    Args:
        metre: pixels of the picture.
        half_width: how far the thing reaches to each side, metres.
        height: how far it reaches up, metres.
        sink: how far it reaches below the point on the ground, metres.
    """

    def __init__(self, metre: float, *, half_width: float, height: float, sink: float = 0.15) -> None:
        self.columns = max(1, round(2 * half_width * metre))
        self.rows = max(1, round((height + sink) * metre))
        self.unit = metre * _FINER
        self.origin = self.columns * _FINER / 2, height * self.unit
        self.sheet = np.zeros((self.rows * _FINER, self.columns * _FINER, 4), np.float32)

    def point(self, right: float, up: float) -> tuple[int, int]:
        """Return the pixel of the sheet that a point falls on."""
        return round(self.origin[0] + right * self.unit), round(self.origin[1] - up * self.unit)

    def box(self, right: float, up: float, size: tuple[float, float], colour: np.ndarray) -> None:
        """Fill a rectangle.

        Args:
            right: of its middle.
            up: of its lower edge.
            size: width and height, metres.
            colour: (3,) RGB, 0..1.
        """
        low, high = self.point(right - size[0] / 2, up), self.point(right + size[0] / 2, up + size[1])
        corner = max(high[0] - 1, low[0]), min(high[1] + 1, low[1])
        cv2.rectangle(self.sheet, (low[0], low[1]), corner, (*colour.tolist(), 1.0), -1)

    def disc(self, right: float, up: float, radius: float, colour: np.ndarray) -> None:
        """Fill a disc.

        Args:
            right: of its middle.
            up: of its middle.
            radius: metres.
            colour: (3,) RGB, 0..1.
        """
        radius = max(1, round(radius * self.unit))
        cv2.circle(self.sheet, self.point(right, up), radius, (*colour.tolist(), 1.0), -1)

    def polygon(self, points: tuple[tuple[float, float], ...], colour: np.ndarray) -> None:
        """Fill a polygon; points are (right, up) in metres, colour (3,) RGB, 0..1."""
        corners = np.array([self.point(*point) for point in points], np.int32)
        cv2.fillPoly(self.sheet, [corners], (*colour.tolist(), 1.0))

    def finish(self, foot: tuple[float, float]) -> Sprite:
        """Return the cut-out, its point on the ground at a place of the picture, column and row."""
        paint = cv2.resize(self.sheet, (self.columns, self.rows), interpolation=cv2.INTER_AREA)
        paint = np.asarray(paint).reshape(self.rows, self.columns, 4)
        left, top = foot[0] - self.origin[0] / _FINER, foot[1] - self.origin[1] / _FINER
        return Sprite(paint, round(left), round(top))
