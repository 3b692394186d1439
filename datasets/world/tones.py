"""Colours of a scene and the one shape that everything built is made of."""

import numpy as np

Tint = np.ndarray


def tone(rng: np.random.Generator, colour: tuple[int, int, int], spread: float = 6.0) -> Tint:
    """Move a colour a little, in brightness more than in hue.

    Args:
        rng: source of the move.
        colour: RGB, 0..255.
        spread: deviation of each channel.

    Returns:
        (3,) float32, 0..255.
    """
    moved = np.array(colour) * rng.uniform(0.8, 1.15) + rng.normal(0, 1.5 * spread) + rng.normal(0, spread, 3)
    return np.clip(moved, 5, 250).astype(np.float32)


def fill_rectangle(image: np.ndarray, corner: tuple[float, float], size: tuple[float, float], colour: Tint) -> None:
    """Fill an upright rectangle, clipped to the frame, in place.

    Args:
        image: (H, W, 3) float32 RGB.
        corner: column and row of its left upper corner.
        size: width and height, pixels.
        colour: (3,) RGB.
    """
    left, top = int(max(0, corner[0])), int(max(0, corner[1]))
    right, bottom = int(max(0, corner[0] + size[0])), int(max(0, corner[1] + size[1]))
    image[top:bottom, left:right] = colour
