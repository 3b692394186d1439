"""The place that a camera looks at, drawn once as a full frame: backdrop, ground, and things that stand about."""

from functools import lru_cache
from math import hypot

import cv2
import numpy as np

from datasets.world.backdrop import paint_backdrop
from datasets.world.cameras import FRAME, Camera
from datasets.world.ground import paint_ground
from datasets.world.seeding import generator
from datasets.world.tones import fill_rectangle, tone


@lru_cache(maxsize=64)
def scene_of(camera: Camera) -> np.ndarray:
    """Return the empty place.

    Args:
        camera: who looks.

    Returns:
        (540, 960, 3) uint8 RGB in even light, before any effect of the camera.
    """
    rng = generator("scene", camera.scene_seed)
    image = np.zeros((*FRAME, 3), np.float32)
    wall_distance = camera.far * rng.uniform(1.15, 1.8)
    wall_row = camera.foot(0.0, wall_distance)[1]
    paint_backdrop(image, camera, rng, (int(wall_row), wall_distance))
    paint_ground(image, camera, rng, int(wall_row))
    for _ in range(int(rng.integers(4, 10))):
        _prop(image, camera, rng, wall_distance)
    return np.clip(image + grain(rng, 5.0), 0, 255).astype(np.uint8)


def grain(rng: np.random.Generator, strength: float) -> np.ndarray:
    """Return dirt and uneven light.

    Args:
        rng: source of every choice.
        strength: deviation, in 0..255.

    Returns:
        (540, 960, 1) float32.
    """
    total = np.zeros(FRAME, np.float32)
    for cells, weight in ((9, 1.6), (40, 1.0), (160, 0.8)):
        coarse = rng.standard_normal((cells * 9 // 16 + 2, cells + 2)).astype(np.float32)
        total += weight * cv2.resize(coarse, FRAME[::-1], interpolation=cv2.INTER_CUBIC)
    return (strength * total)[..., None]


def _prop(image: np.ndarray, camera: Camera, rng: np.random.Generator, limit: float) -> None:
    """Put up a pole, a bench, a planter, a bin or a parked car."""
    kind = int(rng.integers(4))
    has_car = camera.scene == "street" and kind == 3
    nearest = camera.far if has_car else camera.near + 0.3 * (camera.far - camera.near)
    distance = rng.uniform(nearest, limit)
    reach = FRAME[1] / 2 * hypot(camera.height, distance) / camera.focal
    column, row = camera.foot(rng.uniform(-reach, reach), distance)
    metre = camera.metre(distance)
    colour = tone(rng, (112, 106, 98), 12)
    if kind == 0:
        fill_rectangle(image, (column, row - 4 * metre), (0.14 * metre, 4 * metre), colour * 0.7)
    elif kind == 1:
        fill_rectangle(image, (column, row - 0.5 * metre), (1.6 * metre, 0.12 * metre), colour)
        for leg in (0.1, 1.4):
            fill_rectangle(image, (column + leg * metre, row - 0.4 * metre), (0.1 * metre, 0.4 * metre), colour * 0.6)
    elif kind == 2:
        fill_rectangle(image, (column, row - 0.5 * metre), (1.0 * metre, 0.5 * metre), colour)
        for _ in range(6):
            place = (int(column + rng.uniform(0, 1.0) * metre), int(row - rng.uniform(0.5, 1.0) * metre))
            cv2.circle(image, place, max(1, int(0.3 * metre)), tone(rng, (70, 110, 56)).tolist(), -1, cv2.LINE_AA)
    elif has_car:
        body = tone(rng, ((150, 40, 40), (180, 180, 184), (50, 60, 84), (40, 42, 44))[int(rng.integers(4))])
        fill_rectangle(image, (column, row - 0.95 * metre), (4.2 * metre, 0.75 * metre), body)
        fill_rectangle(image, (column + 0.9 * metre, row - 1.45 * metre), (2.4 * metre, 0.5 * metre), body * 0.5)
        for wheel in (0.8, 3.4):
            place = (int(column + wheel * metre), int(row - 0.25 * metre))
            cv2.circle(image, place, max(1, int(0.32 * metre)), (28, 28, 30), -1, cv2.LINE_AA)
    else:
        fill_rectangle(image, (column, row - 0.9 * metre), (0.5 * metre, 0.9 * metre), colour * 0.8)
