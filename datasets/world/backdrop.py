"""What closes the view of a scene: facades, shop windows, trees."""

import cv2
import numpy as np

from datasets.world.cameras import FRAME, Camera
from datasets.world.tones import fill_rectangle, tone

_WALLS = {
    "plaza": ((196, 176, 146), (170, 132, 108), (206, 202, 192)),
    "street": ((112, 84, 70), (128, 124, 118), (146, 128, 104)),
    "hall": ((206, 202, 194), (176, 170, 166), (214, 206, 186)),
    "platform": ((120, 126, 134), (156, 156, 150), (92, 102, 116)),
    "park": ((72, 98, 54), (88, 110, 60), (60, 84, 52)),
}


def paint_backdrop(image: np.ndarray, camera: Camera, rng: np.random.Generator, foot: tuple[int, float]) -> None:
    """Paint what closes the view: facades, shop windows, a train, trees; the rest is sky or ceiling.

    Args:
        image: (540, 960, 3) float32 RGB, 0..255, painted in place.
        camera: who looks.
        rng: source of every choice.
        foot: row where the backdrop stands on the ground, and its distance in metres.
    """
    wall_row, distance = foot
    metre = camera.metre(distance)
    walls = _WALLS[camera.scene]
    column = -rng.uniform(0, 3) * metre
    image[:] = tone(rng, (196, 208, 222) if camera.scene in ("plaza", "street", "park") else walls[0], 4)
    if camera.scene == "park":
        _trees(image, rng, wall_row, metre)
        return
    while column < FRAME[1]:
        width = rng.uniform(3.0, 8.0) * metre
        height = rng.uniform(5.0, 12.0) * metre
        colour = tone(rng, walls[int(rng.integers(len(walls)))])
        fill_rectangle(image, (column, wall_row - height), (width, height), colour)
        _windows(image, camera.scene, rng, (column, wall_row, width, metre))
        column += width


def _windows(image: np.ndarray, scene: str, rng: np.random.Generator, wall: tuple[float, float, float, float]) -> None:
    """Paint doors, windows, displays and signs on one piece of wall."""
    column, row, width, metre = wall
    panes = int(rng.integers(2, 5))
    pane = width / panes
    glass = tone(rng, (70, 84, 100) if scene != "hall" else (214, 210, 196))
    frame = rng.uniform(0.12, 0.3)
    for index in range(panes):
        left = column + index * pane
        for floor in range(3):
            low = row - (0.25 + 3.1 * floor) * metre
            high = 2.2 * metre if floor == 0 else 1.6 * metre
            shown = glass * rng.uniform(0.6, 1.15) if rng.random() < 0.75 else tone(rng, (150, 124, 100), 24)
            fill_rectangle(
                image, (left + frame * pane / 2, low - high), (pane * (1 - frame), high), np.clip(shown, 0, 255)
            )
    if rng.random() < 0.7:
        sign = tone(rng, ((180, 50, 50), (40, 80, 150), (220, 200, 90), (50, 120, 70))[int(rng.integers(4))], 10)
        fill_rectangle(image, (column + 0.1 * width, row - 2.95 * metre), (0.8 * width, 0.45 * metre), sign)
    if scene == "platform":
        fill_rectangle(image, (column, row - 1.0 * metre), (width, 0.3 * metre), tone(rng, (170, 60, 56), 8))


def _trees(image: np.ndarray, rng: np.random.Generator, row: int, metre: float) -> None:
    """Paint trunks, crowns and a hedge."""
    for _ in range(int(rng.integers(7, 14))):
        column, height = rng.uniform(0, FRAME[1]), rng.uniform(3, 7) * metre
        thick = rng.uniform(0.1, 0.25) * metre
        fill_rectangle(image, (column - thick, row - height), (2 * thick, height), tone(rng, (84, 66, 52)))
        for _ in range(9):
            place = (int(column + rng.normal(0, 0.9) * metre), int(row - height - rng.normal(0.3, 0.8) * metre))
            green = tone(rng, (66, 98, 48), 10).tolist()
            cv2.circle(image, place, max(2, int(rng.uniform(0.5, 1.3) * metre)), green, -1, cv2.LINE_AA)
    for column in np.arange(0, FRAME[1], 0.5 * metre):
        place = (int(column), int(row - rng.uniform(0.1, 0.6) * metre))
        cv2.circle(image, place, max(2, int(rng.uniform(0.4, 0.8) * metre)), tone(rng, (58, 88, 44), 8).tolist(), -1)
