"""Rain and snow that fall between the camera and the street."""

import cv2
import numpy as np


def draw_weather(canvas: np.ndarray, weather: str, rng: np.random.Generator) -> None:
    """Paint streaks of rain or flakes of snow, in place.

    Args:
        canvas: (H, W, 3) float32 RGB, 0..1.
        weather: "clear", "rain" or "snow".
        rng: source of every choice.
    """
    if weather == "clear":
        return
    layer = np.zeros(canvas.shape[:2], np.float32)
    count = int(rng.integers(60, 140))
    places = rng.random((count, 2)) * (canvas.shape[1], canvas.shape[0])
    near = rng.random(count)
    unit = canvas.shape[0] / 240.0
    slant = rng.uniform(-0.3, 0.3)
    for (x, y), nearness in zip(places.tolist(), near.tolist(), strict=True):
        if weather == "rain":
            length = (4.0 + 14.0 * nearness) * unit
            end = (round(x + slant * length), round(y + length))
            cv2.line(layer, (round(x), round(y)), end, 0.1 + 0.15 * nearness, max(1, round(unit)), cv2.LINE_AA)
        else:
            radius = (0.5 + 1.6 * nearness**3) * unit
            cv2.circle(layer, (round(x), round(y)), max(1, round(radius)), 0.35 + 0.4 * nearness, -1, cv2.LINE_AA)
    canvas += (1.0 - canvas) * layer[..., None]
