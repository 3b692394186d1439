"""Painting of posed people on any canvas, at any place and size."""

from functools import lru_cache
from math import hypot, pi
from typing import NamedTuple

import cv2
import numpy as np

from datasets.world.body import posed_parts
from datasets.world.people import Person
from datasets.world.pose import Part, Pose, View
from datasets.world.shapes import HALF_TURN, Outline, outline_at
from datasets.world.wardrobe import surfaces_of

Box = tuple[float, float, float, float]
_PHI = ((np.arange(HALF_TURN) + 0.5) / HALF_TURN - 0.5) * np.pi
_SURFACES = lru_cache(maxsize=1024)(surfaces_of)


class Light:
    """Light on round bodies: an even part and one from a direction.

    Args:
        azimuth: of the lamp, radians; 0 behind the camera, pi/2 from the right of the picture.
        direct: part of the light that comes from the lamp, 0..1.
    """

    def __init__(self, azimuth: float, direct: float) -> None:
        self.azimuth, self.direct = azimuth, direct
        lit = np.clip(np.cos(_PHI - azimuth), 0.0, None)
        rim = 0.82 + 0.18 * np.cos(_PHI)
        self.shade = ((1.0 - direct + 1.5 * direct * lit) * rim).astype(np.float32)[None, :, None]

    def on(self, texture: np.ndarray) -> np.ndarray:
        """Return the visible half of a texture, (rows, HALF_TURN, 3) RGB, as the light shows it."""
        return texture * self.shade


class HazyLight(Light):
    """Light that comes through haze.

    Args:
        azimuth: of the lamp, radians.
        direct: part of the light that comes from the lamp, 0..1.
        haze: part of what is seen that the veil replaces, 0..1.
        veil: (3,) float32 RGB of the haze.
    """

    def __init__(self, azimuth: float, direct: float, haze: float, veil: np.ndarray) -> None:
        super().__init__(azimuth, direct)
        self.shade = self.shade * np.float32(1.0 - haze)
        self._veil = veil * np.float32(haze)

    def on(self, texture: np.ndarray) -> np.ndarray:
        """Return the visible half of a texture, (rows, HALF_TURN, 3) RGB, as it looks through the haze."""
        return texture * self.shade + self._veil


def draw_person(canvas: np.ndarray, person: Person, pose: Pose, *, box: Box, view: View, light: Light) -> None:
    """Paint a person, in place.

    Args:
        canvas: (H, W, 3) float32 RGB, 0..1.
        person: who.
        pose: the moment of the walk.
        box: (left, top, right, bottom) of the upright body, pixels; the height sets the scale, the middle the place.
        view: from where the person is seen.
        light: shading.
    """
    centre, ground, height = (box[0] + box[2]) / 2, box[3], box[3] - box[1]
    surfaces = _SURFACES(person)
    for part in posed_parts(person, pose, view):
        _paint(canvas, part, surfaces[part.surface], (centre, ground, height), view.heading, light)


def cover_person(cover: np.ndarray, person: Person, pose: Pose, *, box: Box, view: View) -> None:
    """Mark the pixels that `draw_person` would paint, in place.

    Args:
        cover: (H, W) float32, coverage 0..1.
        person: who.
        pose: the moment of the walk.
        box: as in `draw_person`.
        view: from where the person is seen.
    """
    frame = ((box[0] + box[2]) / 2, box[3], box[3] - box[1])
    for part in posed_parts(person, pose, view):
        outline = outline_at(part.shape, view.heading)
        if (place := _place(part, frame, outline, cover.shape[:2])) is None:
            continue
        alpha = np.asarray(cv2.warpAffine(outline.alpha[..., 0], place.matrix, place.size))
        region = cover[place.window]
        region += (1.0 - region) * alpha


class _Place(NamedTuple):
    """Where a patch lands: a window of the canvas, its width and height, and the map from the patch into it."""

    window: tuple[slice, slice]
    size: tuple[int, int]
    matrix: np.ndarray


def _paint(
    canvas: np.ndarray,
    part: Part,
    texture: np.ndarray,
    frame: tuple[float, float, float],
    heading: float,
    light: Light,
) -> None:
    """Paint one part; `frame` is the column of the body's middle, the row of the ground and the height, in pixels."""
    outline = outline_at(part.shape, heading)
    if (place := _place(part, frame, outline, canvas.shape[:2])) is None:
        return
    start = round((0.25 - outline.turn / (2 * pi)) * 2 * HALF_TURN) % (2 * HALF_TURN)
    visible = light.on(texture[:, start : start + HALF_TURN])
    v = outline.rows * np.float32(len(texture) - 1)
    patch = cv2.remap(visible, outline.columns, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    colour = np.asarray(cv2.warpAffine(patch, place.matrix, place.size, borderMode=cv2.BORDER_REPLICATE))
    alpha = np.asarray(cv2.warpAffine(outline.alpha, place.matrix, place.size))
    region = canvas[place.window]
    region += (colour - region) * alpha


def _place(part: Part, frame: tuple[float, float, float], outline: Outline, canvas: tuple[int, ...]) -> _Place | None:
    """Return where a part lands on a canvas of some height and width; None where that is outside."""
    rows, columns = outline.alpha.shape[:2]
    right, down, middle = _axes(part, frame, outline)
    reach_x = (abs(right[0]) * columns + abs(down[0]) * rows) / 2 + 1
    reach_y = (abs(right[1]) * columns + abs(down[1]) * rows) / 2 + 1
    left, top = max(0, int(middle[0] - reach_x)), max(0, int(middle[1] - reach_y))
    width = min(canvas[1], int(middle[0] + reach_x) + 2) - left
    height = min(canvas[0], int(middle[1] + reach_y) + 2) - top
    if width <= 0 or height <= 0:
        return None
    x = middle[0] - left - right[0] * (columns - 1) / 2 - down[0] * (rows - 1) / 2
    y = middle[1] - top - right[1] * (columns - 1) / 2 - down[1] * (rows - 1) / 2
    matrix = np.array([[right[0], down[0], x], [right[1], down[1], y]])
    return _Place((slice(top, top + height), slice(left, left + width)), (width, height), matrix)


def _axes(
    part: Part, frame: tuple[float, float, float], outline: Outline
) -> tuple[tuple[float, float], tuple[float, float], tuple[float, float]]:
    """Return the steps of one patch column and one patch row on the canvas, and the patch's middle, in pixels."""
    centre, ground, height = frame
    dx, dy = (part.bottom[0] - part.top[0]) * height, (part.top[1] - part.bottom[1]) * height
    half = part.half_width * outline.scale * height
    distance = hypot(dx, dy)
    along = (dx / distance, dy / distance) if distance > 1e-6 else (0.0, 1.0)
    # A limb that points at the camera still shows its round end.
    length = max(distance, 0.8 * half, 1.0)
    rows, columns = outline.alpha.shape[:2]
    down = (along[0] * length / (rows - 3), along[1] * length / (rows - 3))
    right = (along[1] * 2 * half / columns, -along[0] * 2 * half / columns)
    middle_up = (part.top[1] + part.bottom[1]) / 2
    return right, down, (centre + (part.top[0] + part.bottom[0]) / 2 * height, ground - middle_up * height)
