"""Shadows of people on the ground."""

from math import sin

import numpy as np

from datasets.world.draw import Box, Light


def draw_shadow(canvas: np.ndarray, box: Box, light: Light) -> None:
    """Darken the ground around the feet, and away from the lamp, in place.

    Args:
        canvas: (H, W, 3) float32 RGB, 0..1.
        box: (left, top, right, bottom) of the upright body, pixels.
        light: where the lamp is and how hard it shines.
    """
    height = box[3] - box[1]
    reach = 0.1 + 0.35 * light.direct
    centre = ((box[0] + box[2]) / 2 - sin(light.azimuth) * reach * 0.6 * height, box[3] - 0.012 * height)
    axes = (reach * height, 0.035 * height)
    left, top = max(0, int(centre[0] - axes[0] * 1.3)), max(0, int(centre[1] - axes[1] * 1.5))
    region = canvas[top : int(centre[1] + axes[1] * 1.5) + 1, left : max(0, int(centre[0] + axes[0] * 1.3) + 1)]
    if region.size == 0:
        return
    x = (np.arange(region.shape[1], dtype=np.float32) + left - centre[0]) / axes[0]
    y = (np.arange(region.shape[0], dtype=np.float32) + top - centre[1]) / axes[1]
    falloff = np.clip(1.3 - (x**2)[None] - (y**2)[:, None], 0.0, 1.0)
    region *= (1.0 - (0.3 + 0.4 * light.direct) * falloff)[..., None]
