"""The place that a camera looks at, drawn once as a full frame: ground in perspective, a backdrop and things that stand about."""

from functools import lru_cache
from math import hypot

import cv2
import numpy as np

from datasets.world.cameras import FRAME, Camera
from datasets.world.seeding import generator

Tint = np.ndarray
_GROUNDS = {
    "plaza": ((172, 160, 142), 0.8),
    "street": ((98, 98, 102), 3.0),
    "hall": ((188, 182, 170), 0.6),
    "platform": ((140, 138, 136), 1.2),
    "park": ((96, 122, 66), 0.0),
}
_WALLS = {
    "plaza": ((196, 176, 146), (170, 132, 108), (206, 202, 192)),
    "street": ((112, 84, 70), (128, 124, 118), (146, 128, 104)),
    "hall": ((206, 202, 194), (176, 170, 166), (214, 206, 186)),
    "platform": ((120, 126, 134), (156, 156, 150), (92, 102, 116)),
    "park": ((72, 98, 54), (88, 110, 60), (60, 84, 52)),
}


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
    _backdrop(image, camera, rng, (int(wall_row), wall_distance))
    _ground(image, camera, rng, int(wall_row))
    for _ in range(int(rng.integers(4, 10))):
        _prop(image, camera, rng, wall_distance)
    return np.clip(image + _grain(rng, 5.0), 0, 255).astype(np.uint8)


def _grain(rng: np.random.Generator, strength: float) -> np.ndarray:
    """Return dirt and uneven light as (540, 960, 1) float32."""
    total = np.zeros(FRAME, np.float32)
    for cells, weight in ((9, 1.6), (40, 1.0), (160, 0.8)):
        coarse = rng.standard_normal((cells * 9 // 16 + 2, cells + 2)).astype(np.float32)
        total += weight * cv2.resize(coarse, FRAME[::-1], interpolation=cv2.INTER_CUBIC)
    return (strength * total)[..., None]


def _ground(image: np.ndarray, camera: Camera, rng: np.random.Generator, wall_row: int) -> None:
    """Paint paving, asphalt or grass below the wall's foot."""
    first = max(0, wall_row)
    rows = np.arange(first, FRAME[0], dtype=np.float32)
    if not len(rows):
        return
    slope = np.arctan((rows - FRAME[0] / 2) / camera.focal) + camera.pitch
    distance = camera.height / np.tan(np.clip(slope, 0.02, 1.5))
    across = (np.arange(FRAME[1]) - FRAME[1] / 2)[None] * np.hypot(camera.height, distance)[:, None] / camera.focal
    turn = rng.uniform(-0.8, 0.8)
    u, v = across * np.cos(turn) + distance[:, None] * np.sin(turn), distance[:, None] * np.cos(turn) - across * np.sin(turn)
    colour, tile = _GROUNDS[camera.scene]
    base = np.array(colour, np.float32) * rng.uniform(0.8, 1.15) + rng.normal(0, 6, 3).astype(np.float32)
    ground = np.broadcast_to(base, (*u.shape, 3)).copy()
    if tile:
        tile *= rng.uniform(0.8, 1.5)
        checker = (np.floor(u / tile) + np.floor(v / tile)) % 2
        joint = (np.minimum(u % tile, v % tile) < 0.05 * tile).astype(np.float32)
        ground *= (1.0 + rng.uniform(0.0, 0.12) * (checker - 0.5) - rng.uniform(0.08, 0.3) * joint)[..., None]
    stripe, mark = _markings(camera.scene, u, v, rng)
    ground[stripe] = mark
    image[first:] = ground


def _markings(scene: str, u: np.ndarray, v: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, Tint]:
    """Return where the ground is marked and in what colour: a path, a crossing, a guide line."""
    place = rng.uniform(-3.0, 3.0)
    middle = float(v.mean())
    if scene == "park":
        return np.abs(v - middle - place + 0.4 * np.sin(u / 3)) < rng.uniform(1.2, 2.5), _tone(rng, (178, 166, 144))
    if scene == "street":
        return (np.abs(v - middle - place) < 1.6) & (u % 1.0 < 0.5), _tone(rng, (206, 206, 200))
    if scene == "platform":
        return np.abs(v - middle - place) < 0.25, _tone(rng, (214, 178, 52))
    if scene == "hall":
        return np.abs(v - middle - place) < rng.uniform(0.2, 0.8), _tone(rng, (128, 112, 100))
    return np.abs(np.hypot(u - place, v - middle) - 3.0) < 0.5, _tone(rng, (140, 122, 110))


def _tone(rng: np.random.Generator, colour: tuple[int, int, int], spread: float = 12.0) -> Tint:
    """Return a colour moved a little, (3,) float32, 0..255."""
    return np.clip(np.array(colour) * rng.uniform(0.85, 1.12) + rng.normal(0, spread, 3), 5, 250).astype(np.float32)


def _rectangle(image: np.ndarray, corner: tuple[float, float], size: tuple[float, float], colour: Tint) -> None:
    """Fill an upright rectangle, clipped to the frame."""
    left, top = int(max(0, corner[0])), int(max(0, corner[1]))
    right, bottom = int(max(0, corner[0] + size[0])), int(max(0, corner[1] + size[1]))
    image[top:bottom, left:right] = colour


def _backdrop(image: np.ndarray, camera: Camera, rng: np.random.Generator, foot: tuple[int, float]) -> None:
    """Paint what closes the view: facades, shop windows, a train, trees."""
    wall_row, distance = foot
    metre = camera.metre(distance)
    walls = _WALLS[camera.scene]
    column = -rng.uniform(0, 3) * metre
    image[:] = _tone(rng, (196, 208, 222) if camera.scene in ("plaza", "street", "park") else walls[0], 4)
    if camera.scene == "park":
        _trees(image, rng, wall_row, metre)
        return
    while column < FRAME[1]:
        width = rng.uniform(3.0, 8.0) * metre
        height = rng.uniform(5.0, 12.0) * metre
        colour = _tone(rng, walls[int(rng.integers(len(walls)))])
        _rectangle(image, (column, wall_row - height), (width, height), colour)
        _windows(image, camera.scene, rng, (column, wall_row, width, metre))
        column += width


def _windows(
    image: np.ndarray, scene: str, rng: np.random.Generator, wall: tuple[float, float, float, float]
) -> None:
    """Paint doors, windows, displays and signs on one piece of wall."""
    column, row, width, metre = wall
    panes = int(rng.integers(2, 5))
    pane = width / panes
    glass = _tone(rng, (70, 84, 100) if scene != "hall" else (214, 210, 196))
    frame = rng.uniform(0.12, 0.3)
    for index in range(panes):
        left = column + index * pane
        for floor in range(3):
            low = row - (0.25 + 3.1 * floor) * metre
            high = 2.2 * metre if floor == 0 else 1.6 * metre
            shown = glass * rng.uniform(0.6, 1.15) if rng.random() < 0.75 else _tone(rng, (150, 120, 90), 45)
            _rectangle(image, (left + frame * pane / 2, low - high), (pane * (1 - frame), high), np.clip(shown, 0, 255))
    if rng.random() < 0.7:
        sign = _tone(rng, ((180, 50, 50), (40, 80, 150), (220, 200, 90), (50, 120, 70))[int(rng.integers(4))], 20)
        _rectangle(image, (column + 0.1 * width, row - 2.95 * metre), (0.8 * width, 0.45 * metre), sign)
    if scene == "platform":
        _rectangle(image, (column, row - 1.0 * metre), (width, 0.3 * metre), _tone(rng, (170, 60, 56), 8))


def _trees(image: np.ndarray, rng: np.random.Generator, row: int, metre: float) -> None:
    """Paint trunks, crowns and a hedge."""
    for _ in range(int(rng.integers(7, 14))):
        column, height = rng.uniform(0, FRAME[1]), rng.uniform(3, 7) * metre
        thick = rng.uniform(0.1, 0.25) * metre
        _rectangle(image, (column - thick, row - height), (2 * thick, height), _tone(rng, (84, 66, 52)))
        for _ in range(9):
            place = (int(column + rng.normal(0, 0.9) * metre), int(row - height - rng.normal(0.3, 0.8) * metre))
            green = _tone(rng, (66, 98, 48), 10).tolist()
            cv2.circle(image, place, max(2, int(rng.uniform(0.5, 1.3) * metre)), green, -1, cv2.LINE_AA)
    for column in np.arange(0, FRAME[1], 0.5 * metre):
        place = (int(column), int(row - rng.uniform(0.1, 0.6) * metre))
        cv2.circle(image, place, max(2, int(rng.uniform(0.4, 0.8) * metre)), _tone(rng, (58, 88, 44), 8).tolist(), -1)


def _prop(image: np.ndarray, camera: Camera, rng: np.random.Generator, limit: float) -> None:
    """Put up a pole, a bench, a planter, a bin or a parked car."""
    distance = rng.uniform(camera.near + 0.3 * (camera.far - camera.near), limit)
    reach = FRAME[1] / 2 * hypot(camera.height, distance) / camera.focal
    column, row = camera.foot(rng.uniform(-reach, reach), distance)
    metre = camera.metre(distance)
    colour = _tone(rng, (110, 106, 102), 25)
    kind = int(rng.integers(4))
    if kind == 0:
        _rectangle(image, (column, row - 4 * metre), (0.14 * metre, 4 * metre), colour * 0.7)
    elif kind == 1:
        _rectangle(image, (column, row - 0.5 * metre), (1.6 * metre, 0.12 * metre), colour)
        for leg in (0.1, 1.4):
            _rectangle(image, (column + leg * metre, row - 0.4 * metre), (0.1 * metre, 0.4 * metre), colour * 0.6)
    elif kind == 2:
        _rectangle(image, (column, row - 0.5 * metre), (1.0 * metre, 0.5 * metre), colour)
        for _ in range(6):
            place = (int(column + rng.uniform(0, 1.0) * metre), int(row - rng.uniform(0.5, 1.0) * metre))
            cv2.circle(image, place, max(1, int(0.3 * metre)), _tone(rng, (70, 110, 56)).tolist(), -1, cv2.LINE_AA)
    elif camera.scene == "street":
        body = _tone(rng, ((150, 40, 40), (180, 180, 184), (50, 60, 84), (40, 42, 44))[int(rng.integers(4))])
        _rectangle(image, (column, row - 0.95 * metre), (4.2 * metre, 0.75 * metre), body)
        _rectangle(image, (column + 0.9 * metre, row - 1.45 * metre), (2.4 * metre, 0.5 * metre), body * 0.5)
        for wheel in (0.8, 3.4):
            place = (int(column + wheel * metre), int(row - 0.25 * metre))
            cv2.circle(image, place, max(1, int(0.32 * metre)), (28, 28, 30), -1, cv2.LINE_AA)
    else:
        _rectangle(image, (column, row - 0.9 * metre), (0.5 * metre, 0.9 * metre), colour * 0.8)
