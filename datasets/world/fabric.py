"""Patterns on cloth, painted on an unrolled body part.

Rows run down the part, columns run once around it, with the front in the middle.
"""

import cv2
import numpy as np

from datasets.world.colours import Colour
from datasets.world.shapes import HALF_TURN

COLUMNS = 2 * HALF_TURN
ANGLE = ((np.arange(COLUMNS) + 0.5) / COLUMNS * 2.0 - 1.0) * np.pi
_AROUND = np.abs(ANGLE)[None, :]


def plain(rows: int, colour: Colour) -> np.ndarray:
    """Return one colour as a (rows, COLUMNS, 3) float32 texture."""
    return np.broadcast_to(np.array(colour, dtype=np.float32), (rows, COLUMNS, 3)).copy()


def down(rows: int) -> np.ndarray:
    """Return the position along the part, (rows, 1), 0..1."""
    return ((np.arange(rows) + 0.5) / rows)[:, None]


def paint(texture: np.ndarray, mask: np.ndarray, colour: Colour) -> None:
    """Colour a texture where a mask is true, in place.

    Args:
        texture: (rows, COLUMNS, 3) float32.
        mask: (rows, COLUMNS) bool, or a shape that spreads to it.
        colour: RGB, 0..1.
    """
    texture[np.broadcast_to(mask, texture.shape[:2])] = colour


def front(width: float) -> np.ndarray:
    """Return where the surface looks within `width` radians of straight ahead, (1, COLUMNS)."""
    return width > _AROUND


def back(width: float) -> np.ndarray:
    """Return where the surface looks within `width` radians of straight behind, (1, COLUMNS)."""
    return np.pi - width < _AROUND


def sides(width: float) -> np.ndarray:
    """Return where the surface looks within `width` radians of left or right, (1, COLUMNS)."""
    return np.abs(_AROUND - np.pi / 2) < width


def strap(rows: int, side: int, *, slope: float = 0.4) -> np.ndarray:
    """Return where a strap across the chest runs; a plane cuts front and back alike.

    Args:
        rows: of the texture.
        side: of the hip where it ends, 1 left, -1 right.
        slope: how steeply it falls, part of the torso's length.

    Returns:
        (rows, COLUMNS) bool.
    """
    return np.abs(down(rows) - 0.5 - slope * side * np.sin(ANGLE)[None]) < 0.045


def patterned(rows: int, pattern: str, colours: tuple[Colour, Colour], rng: np.random.Generator) -> np.ndarray:
    """Return cloth with a pattern.

    Args:
        rows: of the texture.
        pattern: one of PATTERNS.
        colours: ground and figure.
        rng: source of scale and position.
    """
    texture, along = plain(rows, colours[0]), down(rows)
    scale, place, size = rng.random(3)
    if pattern == "rings":
        count = 3 + int(5 * scale)
        paint(texture, (along * count + place) % 1.0 < 0.3 + 0.25 * size, colours[1])
    elif pattern == "pinstripe":
        paint(texture, (ANGLE[None] * (8 + int(8 * scale)) / (2 * np.pi) + along * 0) % 1.0 < 0.35, colours[1])
    elif pattern == "checks":
        count = 3 + int(3 * scale)
        mesh = ((along * count) % 1.0 < 0.45).astype(np.float32) + ((ANGLE[None] * 2 * count / np.pi / 2) % 1.0 < 0.45)
        texture += (np.array(colours[1], dtype=np.float32) - texture) * (mesh * 0.5)[..., None]
    elif pattern == "block":
        border = 0.28 + 0.4 * place
        paint(texture, (along < border) if size < 0.5 else (along > border), colours[1])
    elif pattern == "dots":
        count = 4 + int(4 * scale)
        u = (ANGLE[None] * count / np.pi + np.floor(along * count) % 2 * 0.5) % 1.0 - 0.5
        paint(texture, np.hypot(u, (along * count) % 1.0 - 0.5) < 0.33, colours[1])
    elif pattern == "side_panel":
        paint(texture, sides(0.35 + 0.3 * size) & (along > -1), colours[1])
    elif pattern.endswith("_print"):
        facing = _AROUND if pattern == "chest_print" else np.pi - _AROUND
        radius = np.hypot(facing / (0.45 + 0.4 * size), (along - 0.36) / (0.1 + 0.13 * scale))
        box = np.maximum(facing / (0.45 + 0.4 * size), np.abs(along - 0.36) / (0.08 + 0.12 * scale))
        paint(texture, (radius if place < 0.5 else box) < 1.0, colours[1])
    return texture


def folded(texture: np.ndarray, rng: np.random.Generator, *, strength: float = 0.07) -> np.ndarray:
    """Darken and brighten cloth in soft folds.

    Args:
        texture: (rows, COLUMNS, 3) float32.
        rng: source of the folds.
        strength: deviation of the brightness.
    """
    coarse = rng.standard_normal((max(3, texture.shape[0] // 8), 8)).astype(np.float32)
    coarse = np.concatenate([coarse, coarse[:, :1]], axis=1)
    folds = cv2.resize(coarse, (COLUMNS, texture.shape[0]), interpolation=cv2.INTER_CUBIC)
    return texture * (1.0 + strength * folds)[..., None] + (0.012 * folds)[..., None]
