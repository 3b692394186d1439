"""Things that stand between a camera and a person."""

import numpy as np

from datasets.world.draw import Box


def draw_obstacle(canvas: np.ndarray, box: Box, rng: np.random.Generator) -> None:
    """Paint a pole, a railing, a planter or a board over a person, in place.

    Args:
        canvas: (H, W, 3) float32 RGB, 0..1.
        box: (left, top, right, bottom) of the person, pixels.
        rng: source of kind, place and colour.
    """
    height, width = box[3] - box[1], box[2] - box[0]
    tone = np.clip(rng.uniform(0.15, 0.75) + rng.normal(0, 0.06, 3), 0.02, 0.95).astype(np.float32)
    kind = int(rng.integers(4))
    if kind == 0:
        left = box[0] + width * rng.uniform(0.1, 0.9)
        _fill(canvas, (left, 0.0, left + 0.07 * height, canvas.shape[0]), tone)
    elif kind == 1:
        for rail in (0.5, 0.65, 0.8):
            top = box[1] + rail * height
            _fill(canvas, (0.0, top, canvas.shape[1], top + 0.02 * height), tone)
        for post in rng.uniform(0, canvas.shape[1]) + np.arange(-1, 2) * 0.3 * height:
            _fill(canvas, (post, box[1] + 0.5 * height, post + 0.02 * height, box[3]), tone)
    elif kind == 2:
        _fill(canvas, (0.0, box[3] - height * rng.uniform(0.12, 0.35), canvas.shape[1], canvas.shape[0]), tone)
    else:
        edge = box[0] + width * rng.uniform(0.15, 0.4)
        left, right = (0.0, edge) if rng.random() < 0.5 else (box[2] - (edge - box[0]), float(canvas.shape[1]))
        _fill(canvas, (left, box[1] + height * rng.uniform(0.2, 0.5), right, canvas.shape[0]), tone)


def _fill(canvas: np.ndarray, area: tuple[float, float, float, float], tone: np.ndarray) -> None:
    """Fill a rectangle with a tone that is a little darker on its right."""
    left, top, right, bottom = (max(0, int(value)) for value in area)
    region = canvas[top:bottom, left:right]
    if region.size:
        region[:] = tone * np.linspace(1.1, 0.8, region.shape[1], dtype=np.float32)[None, :, None]
