"""The empty street of a camera: backdrop and ground in haze, and the light of its lamps."""

from functools import lru_cache

import cv2
import numpy as np

from datasets.world.backdrop import paint_backdrop
from datasets.world.background import grain
from datasets.world.cameras import FRAME
from datasets.world.frames.screen import Screen
from datasets.world.frames.street import Street
from datasets.world.ground import paint_ground
from datasets.world.seeding import generator

_SKY_DISTANCE = 2.5
_MOONLIGHT, _LAMPLIGHT = np.array((0.85, 0.95, 1.2), np.float32), np.array((1.2, 1.02, 0.72), np.float32)


@lru_cache(maxsize=16)
def empty_street(street: Street, screen: Screen) -> np.ndarray:
    """Return the street without things and people, in even light; not to be written on.

    Args:
        street: what the camera looks at.
        screen: the picture.

    Returns:
        (H, W, 3) float32 RGB, 0..1.
    """
    full = _full_frame(street)
    left, top = (round(value) for value in screen.corner)
    part = full[top : FRAME[0] - top, left : FRAME[1] - left]
    way = cv2.INTER_AREA if screen.rows <= part.shape[0] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(part, (screen.columns, screen.rows), interpolation=way))


def _full_frame(street: Street) -> np.ndarray:
    """Paint the street as a full frame, (540, 960, 3) float32 RGB, 0..1."""
    rng = generator("street", street.eye.scene_seed)
    image = np.zeros((*FRAME, 3), np.float32)
    wall_row = int(street.eye.foot(0.0, street.wall)[1])
    paint_backdrop(image, street.eye, rng, (wall_row, street.wall))
    paint_ground(image, street.eye, rng, wall_row)
    if street.traits.weather == "snow":
        _lay_snow(image, wall_row, rng)
    image = np.clip(image + grain(rng, 5.0), 0, 255) / np.float32(255)
    rows = np.arange(FRAME[0], dtype=np.float32)
    slope = np.arctan((rows - FRAME[0] / 2) / street.eye.focal) + street.eye.pitch
    distance = np.clip(street.eye.height / np.tan(np.clip(slope, 1e-3, 1.5)), 0.0, street.wall)
    distance[: max(0, wall_row)] = street.wall
    above = np.clip((wall_row - rows) / FRAME[0], 0.0, 1.0)
    haze = np.array([street.haze(float(d)) for d in distance * (1.0 + _SKY_DISTANCE * above)], np.float32)[
        :, None, None
    ]
    return (image + (street.veil - image) * haze).astype(np.float32)


def _lay_snow(image: np.ndarray, wall_row: int, rng: np.random.Generator) -> None:
    """Whiten patches of the ground, in place."""
    first = max(0, wall_row)
    rows = FRAME[0] - first
    if rows <= 0:
        return
    coarse = rng.standard_normal((max(3, rows // 24), 14)).astype(np.float32)
    depth = cv2.resize(coarse, (FRAME[1], rows), interpolation=cv2.INTER_CUBIC)
    cover = np.clip(0.8 + 0.9 * np.asarray(depth), 0.1, 0.92)[..., None]
    image[first:] += cover * (np.array((224, 228, 234), np.float32) - image[first:])


@lru_cache(maxsize=16)
def lamp_light(street: Street, screen: Screen) -> np.ndarray | None:
    """Return what the lamps make of the light, or None by day.

    Args:
        street: what the camera looks at.
        screen: the picture.

    Returns:
        (H, W, 3) float32 factors.
    """
    if street.traits.dusk == 0.0:
        return None
    rng = generator(street.domain.name, street.seed, "lamps", street.number)
    light = np.zeros((screen.rows, screen.columns), np.float32)
    row, column = np.mgrid[0 : screen.rows, 0 : screen.columns].astype(np.float32)
    for _ in range(int(rng.integers(3, 6))):
        distance = float(np.exp(rng.uniform(np.log(street.nearest(500.0)), np.log(street.wall))))
        across = rng.uniform(-1, 1) * street.half_width(distance)
        x, y = screen.point(*street.eye.foot(across, distance))
        reach = rng.uniform(3.0, 5.0) * street.eye.metre(distance) * screen.scale
        # The pool lies flat on the ground; above it, air and bodies are lit up to the lamp.
        flat = np.where(row > y, 2.2, 0.9)
        pool = np.exp(-(((column - x) / reach) ** 2) - ((row - y) * flat / reach) ** 2)
        light += street.traits.dusk * rng.uniform(0.8, 1.5) * pool
    night, lamp = (1.0 - street.traits.dusk) * _MOONLIGHT, np.minimum(light, 1.2)[..., None] * _LAMPLIGHT
    return night + lamp
