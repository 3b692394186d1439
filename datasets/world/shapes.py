"""Outlines of body parts, and how the half of a round body that faces the camera falls onto the picture.

A part is a stack of ellipses. Seen at heading h, an ellipse with half-axes a (left-right) and b (front-back) covers
w = sqrt((a cos h)^2 + (b sin h)^2), and the picture column x shows the ellipse at the parameter angle
asin(x / w) - atan2(b sin h, a cos h).
"""

from functools import lru_cache
from math import atan2, cos, pi, sin
from typing import NamedTuple

import numpy as np

HALF_TURN = 48
_BINS = 16

# Each outline: (position along the part, half-width from the front, half-depth from the side).
_OUTLINES: dict[str, tuple[tuple[float, float, float], ...]] = {
    "torso_straight": ((0, 0.34, 0.30), (0.05, 0.56, 0.4), (0.11, 0.86, 0.5), (0.2, 0.97, 0.6), (0.35, 1, 0.64),
                       (0.65, 0.88, 0.6), (0.85, 0.9, 0.63), (1, 0.93, 0.62)),
    "torso_waisted": ((0, 0.34, 0.30), (0.05, 0.56, 0.4), (0.11, 0.86, 0.5), (0.2, 0.97, 0.62), (0.34, 1, 0.7),
                      (0.62, 0.76, 0.52), (0.85, 0.92, 0.66), (1, 1.0, 0.68)),
    "torso_round": ((0, 0.34, 0.30), (0.05, 0.55, 0.4), (0.11, 0.83, 0.52), (0.2, 0.94, 0.64), (0.4, 0.98, 0.76),
                    (0.7, 1, 0.86), (0.9, 0.98, 0.76), (1, 0.94, 0.68)),
    "hips": ((0, 0.84, 0.6), (0.4, 1, 0.74), (0.75, 0.96, 0.7), (1, 0.5, 0.4)),
    "skirt": ((0, 0.72, 0.52), (0.3, 0.86, 0.68), (1, 1, 0.82)),
    "thigh": ((0, 0.8, 0.8), (0.1, 1, 1), (0.5, 0.9, 0.92), (0.94, 0.68, 0.7), (1, 0.6, 0.6)),
    "shin": ((0, 0.82, 0.82), (0.06, 0.95, 0.95), (0.3, 1, 1.05), (0.9, 0.72, 0.74), (1, 0.68, 0.7)),
    "shoe": ((0, 0.55, 0.55), (0.12, 0.95, 0.95), (0.4, 1, 0.9), (0.75, 0.92, 0.75), (0.93, 0.62, 0.5), (1, 0.3, 0.3)),
    "upper_arm": ((0, 0.6, 0.6), (0.08, 0.95, 1), (0.25, 1, 1.05), (0.94, 0.84, 0.84), (1, 0.7, 0.7)),
    "forearm": ((0, 0.75, 0.75), (0.06, 0.98, 0.98), (0.3, 1, 1), (1, 0.72, 0.72)),
    "ball": ((0, 0.3, 0.3), (0.1, 0.66, 0.66), (0.25, 0.9, 0.9), (0.5, 1, 1), (0.75, 0.9, 0.9), (0.9, 0.66, 0.66),
             (1, 0.3, 0.3)),
    "neck": ((0, 0.95, 1), (0.6, 1, 1), (1, 1.25, 1.1)),
    "head": ((0, 0.3, 0.35), (0.06, 0.62, 0.7), (0.16, 0.87, 1.0), (0.35, 1, 1.18), (0.55, 0.97, 1.15),
             (0.75, 0.84, 1.0), (0.9, 0.6, 0.78), (1, 0.26, 0.4)),
    "dome": ((0, 0.3, 0.35), (0.1, 0.6, 0.7), (0.3, 0.86, 1.02), (0.7, 1, 1.16), (1, 1, 1.16)),
    "lock": ((0, 0.3, 0.3), (0.1, 0.72, 0.6), (0.25, 0.95, 0.75), (0.5, 1, 0.66), (0.85, 0.92, 0.5), (1, 0.6, 0.3)),
    "pack": ((0, 0.6, 0.25), (0.05, 0.85, 0.45), (0.15, 0.95, 0.6), (0.5, 1, 0.72), (0.92, 1, 0.76), (1, 0.9, 0.6)),
    "purse": ((0, 0.75, 0.3), (0.06, 0.86, 0.36), (1, 1, 0.5)),
    "case": ((0, 0.96, 0.5), (0.03, 1, 0.52), (0.96, 1, 0.52), (1, 0.95, 0.5)),
}  # fmt: skip
# Carried flat against the side of the body: its broad face looks sideways.
_SIDEWAYS = frozenset({"purse"})
_SIZES = {"torso": (56, 44), "skirt": (44, 40), "head": (36, 30), "lock": (36, 28), "pack": (40, 32), "case": (36, 28)}


class Outline(NamedTuple):
    """How one outline looks from one side.

    Args:
        columns: (rows, cols) float32; texture column of each pixel, 0..2 * HALF_TURN - 1 across the visible half.
        rows: (rows, cols) float32; position along the part, 0..1.
        alpha: (rows, cols) float32; coverage, 0..1.
        scale: half-width of the patch, in units of the part's half-width.
        turn: texture angle at the middle, radians.
    """

    columns: np.ndarray
    rows: np.ndarray
    alpha: np.ndarray
    scale: float
    turn: float


def outline_at(shape: str, heading: float) -> Outline:
    """Return the outline of a shape seen at a heading, rounded to a 64th of a turn.

    Args:
        shape: one of the outlines.
        heading: radians; 0 faces the camera.
    """
    return _outline(shape, round(heading / (2 * pi) * 4 * _BINS) % (4 * _BINS))


@lru_cache(maxsize=4096)
def _outline(shape: str, step: int) -> Outline:
    """Build one outline."""
    if shape == "disc":
        return _disc()
    heading = step / (4 * _BINS) * 2 * pi
    across, along = cos(heading), sin(heading)
    points = np.array(_OUTLINES[shape])
    height, width = _SIZES.get(shape.split("_")[0], (24, 16))
    position = (np.arange(height) - 1.0) / (height - 3.0)
    inside = np.clip(position, 0.0, 1.0)
    front, side = (np.interp(inside, points[:, 0], points[:, axis]) for axis in (1, 2))
    if shape in _SIDEWAYS:
        front, side = side, front
    half = np.hypot(front * across, side * along)
    depth = float(side.mean() / front.mean())
    scale = float(half.max()) * width / (width - 3.0)
    x = ((np.arange(width) + 0.5) / width * 2.0 - 1.0) * scale
    angle = np.arcsin(np.clip(x[None] / half[:, None], -1.0, 1.0))
    pixel = 2.0 * scale / width
    alpha = np.clip((half[:, None] - np.abs(x)[None]) / pixel + 0.5, 0.0, 1.0)
    alpha[0] = alpha[-1] = 0.0
    return Outline(
        columns=((angle / pi + 0.5) * (HALF_TURN - 1)).astype(np.float32),
        rows=np.broadcast_to(inside[:, None], alpha.shape).astype(np.float32),
        alpha=np.repeat(alpha.astype(np.float32)[..., None], 3, axis=2),
        scale=scale,
        turn=atan2(depth * along, across),
    )


def _disc() -> Outline:
    """Build a flat disc, a brim seen at a slant."""
    y, x = np.mgrid[-1.1:1.1:16j, -1.1:1.1:24j]
    alpha = np.clip((1.0 - np.hypot(x, y)) * 8.0 + 0.5, 0.0, 1.0)
    columns = (np.clip(x, -1, 1) * 0.5 + 0.5) * (HALF_TURN - 1)
    return Outline(
        columns.astype(np.float32),
        np.full(x.shape, 0.5, np.float32),
        np.repeat(alpha.astype(np.float32)[..., None], 3, axis=2),
        1.1,
        0.0,
    )
