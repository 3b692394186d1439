"""Painting of posed people on any canvas, at any place and size."""

from functools import lru_cache
from math import hypot, pi

import cv2
import numpy as np

from datasets.world.body import Part, Pose, View, posed_parts
from datasets.world.people import Person
from datasets.world.shapes import HALF_TURN, outline_at
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


def draw_person(
    canvas: np.ndarray, person: Person, pose: Pose, *, box: Box, view: View, light: Light
) -> None:
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


def _paint(
    canvas: np.ndarray,
    part: Part,
    texture: np.ndarray,
    frame: tuple[float, float, float],
    heading: float,
    light: Light,
) -> None:
    """Paint one part."""
    centre, ground, height = frame
    outline = outline_at(part.shape, heading)
    start = round((0.25 - outline.turn / (2 * pi)) * 2 * HALF_TURN) % (2 * HALF_TURN)
    visible = texture[:, start : start + HALF_TURN] * light.shade
    patch = cv2.remap(visible, outline.columns, outline.rows * np.float32(len(texture) - 1), cv2.INTER_LINEAR,
                      borderMode=cv2.BORDER_REPLICATE)  # fmt: skip
    rows, columns = outline.alpha.shape
    x0, y0 = centre + part.top[0] * height, ground - part.top[1] * height
    x1, y1 = centre + part.bottom[0] * height, ground - part.bottom[1] * height
    half = part.half_width * outline.scale * height
    length = max(hypot(x1 - x0, y1 - y0), 0.8 * half, 1.0)
    along = _direction(x1 - x0, y1 - y0)
    middle = ((x0 + x1) / 2, (y0 + y1) / 2)
    down = (along[0] * length / (rows - 3), along[1] * length / (rows - 3))
    right = (along[1] * 2 * half / columns, -along[0] * 2 * half / columns)
    reach = (abs(right[0]) * columns + abs(down[0]) * rows) / 2 + 1, (abs(right[1]) * columns + abs(down[1]) * rows) / 2 + 1
    left, top = max(0, int(middle[0] - reach[0])), max(0, int(middle[1] - reach[1]))
    end_x, end_y = min(canvas.shape[1], int(middle[0] + reach[0]) + 2), min(canvas.shape[0], int(middle[1] + reach[1]) + 2)
    if end_x <= left or end_y <= top:
        return
    cx, cy = (columns - 1) / 2, (rows - 1) / 2
    matrix = np.array(
        [[right[0], down[0], middle[0] - left - right[0] * cx - down[0] * cy],
         [right[1], down[1], middle[1] - top - right[1] * cx - down[1] * cy]]
    )  # fmt: skip
    size = (end_x - left, end_y - top)
    colour = cv2.warpAffine(patch, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.warpAffine(outline.alpha, matrix, size, flags=cv2.INTER_LINEAR)
    region = canvas[top:end_y, left:end_x]
    colour -= region
    colour *= alpha[:, :, None]
    region += colour


def _direction(dx: float, dy: float) -> tuple[float, float]:
    """Return the unit vector, or straight down for a point."""
    length = hypot(dx, dy)
    return (dx / length, dy / length) if length > 1e-6 else (0.0, 1.0)
