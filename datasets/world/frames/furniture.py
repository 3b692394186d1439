"""What stands about in a street and is no person: poles, signs, trees, benches, parked cars and the like."""

from collections.abc import Callable

import numpy as np

from datasets.world.frames.sprite import Brush

_PAINTS = ((0.62, 0.12, 0.12), (0.75, 0.76, 0.78), (0.16, 0.22, 0.36), (0.12, 0.13, 0.14), (0.2, 0.34, 0.24))
_SIGNS = ((0.75, 0.15, 0.15), (0.15, 0.3, 0.62), (0.85, 0.75, 0.25), (0.9, 0.9, 0.88))
Artist = Callable[[Brush, np.random.Generator], None]


def _grey(rng: np.random.Generator, low: float = 0.15, high: float = 0.6) -> np.ndarray:
    return np.clip(rng.uniform(low, high) + rng.normal(0, 0.03, 3), 0.03, 0.95)


def _one_of(rng: np.random.Generator, colours: tuple[tuple[float, float, float], ...]) -> np.ndarray:
    return np.clip(np.array(colours[int(rng.integers(len(colours)))]) + rng.normal(0, 0.03, 3), 0.03, 0.95)


def _pole(brush: Brush, rng: np.random.Generator) -> None:
    colour = _grey(rng, 0.12, 0.4)
    brush.box(0.0, 0.0, (0.26, 0.5), colour * 0.8)
    brush.box(0.0, 0.0, (0.14, 4.6), colour)
    brush.box(0.35, 4.5, (0.8, 0.1), colour)


def _sign(brush: Brush, rng: np.random.Generator) -> None:
    brush.box(0.0, 0.0, (0.09, 2.5), _grey(rng, 0.4, 0.65))
    if rng.random() < 0.5:
        brush.disc(0.0, 2.3, 0.33, _one_of(rng, _SIGNS))
        brush.disc(0.0, 2.3, 0.22, _grey(rng, 0.8, 0.95))
    else:
        brush.box(0.0, 1.8, (0.6, 0.75), _one_of(rng, _SIGNS))


def _bin(brush: Brush, rng: np.random.Generator) -> None:
    colour = _one_of(rng, _PAINTS)
    brush.box(0.0, 0.0, (0.5, 0.95), colour)
    brush.box(0.0, 0.9, (0.58, 0.14), colour * 0.6)


def _bollard(brush: Brush, rng: np.random.Generator) -> None:
    """Paint a row of posts; the height of each is that of a child, its width that of a body."""
    colour, step = _grey(rng, 0.15, 0.7), rng.uniform(0.9, 1.2)
    for index in (-1, 0, 1):
        brush.box(index * step, 0.0, (0.2, 0.95), colour)
        brush.disc(index * step, 0.97, 0.12, colour * 0.8)


def _planter(brush: Brush, rng: np.random.Generator) -> None:
    brush.box(0.0, 0.0, (1.3, 0.55), _grey(rng, 0.3, 0.6))
    for _ in range(14):
        green = np.clip(np.array((0.2, 0.36, 0.16)) * rng.uniform(0.6, 1.4), 0, 1)
        brush.disc(rng.uniform(-0.5, 0.5), rng.uniform(0.6, 1.1), rng.uniform(0.12, 0.24), green)


def _bench(brush: Brush, rng: np.random.Generator) -> None:
    colour = np.array((0.42, 0.28, 0.18)) * rng.uniform(0.7, 1.3)
    for right in (-0.75, 0.75):
        brush.box(right, 0.0, (0.1, 0.85), colour * 0.5)
    for up in (0.4, 0.58, 0.74):
        brush.box(0.0, up, (1.8, 0.11), colour)


def _tree(brush: Brush, rng: np.random.Generator) -> None:
    bark = np.array((0.28, 0.22, 0.17)) * rng.uniform(0.7, 1.3)
    trunk = rng.uniform(0.22, 0.42)
    brush.polygon(((-trunk / 2, 0.0), (-trunk / 3, 3.2), (trunk / 3, 3.2), (trunk / 2, 0.0)), bark)
    for _ in range(26):
        green = np.clip(np.array((0.2, 0.32, 0.14)) * rng.uniform(0.55, 1.3), 0, 1)
        brush.disc(rng.normal(0, 0.65), rng.uniform(2.4, 4.6), rng.uniform(0.3, 0.65), green)


def _car(brush: Brush, rng: np.random.Generator) -> None:
    colour, glass = _one_of(rng, _PAINTS), _grey(rng, 0.1, 0.25)
    side = 1 if rng.random() < 0.5 else -1
    brush.polygon(_turned(((-1.3, 0.8), (-0.8, 1.45), (0.7, 1.45), (1.35, 0.8)), side), colour * 0.9)
    brush.polygon(_turned(((-1.1, 0.85), (-0.72, 1.36), (-0.05, 1.36), (-0.05, 0.85)), side), glass)
    brush.polygon(_turned(((0.05, 0.85), (0.05, 1.36), (0.62, 1.36), (1.1, 0.85)), side), glass)
    outline = ((-2.1, 0.25), (-2.1, 0.75), (-1.3, 0.88), (1.3, 0.88), (2.1, 0.7), (2.1, 0.25))
    brush.polygon(_turned(outline, side), colour)
    brush.box(0.0, 0.18, (4.1, 0.14), colour * 0.5)
    for right in (-1.3, 1.3):
        brush.disc(right, 0.31, 0.33, np.array((0.08, 0.08, 0.09)))
        brush.disc(right, 0.31, 0.18, np.array((0.5, 0.5, 0.52)))
    brush.box(side * 2.0, 0.58, (0.18, 0.12), np.array((0.9, 0.88, 0.75)))


def _turned(points: tuple[tuple[float, float], ...], side: int) -> tuple[tuple[float, float], ...]:
    return tuple((side * right, up) for right, up in points)


def _board(brush: Brush, rng: np.random.Generator) -> None:
    """Paint a board on feet; its proportions are those of a person."""
    brush.box(0.0, 0.0, (0.7, 1.7), _grey(rng, 0.1, 0.3))
    brush.box(0.0, 0.2, (0.6, 1.42), _one_of(rng, _SIGNS))
    for up in rng.uniform(0.4, 1.4, 3):
        brush.box(rng.uniform(-0.1, 0.1), up, (0.35, 0.08), _grey(rng, 0.1, 0.9))


def _pillar(brush: Brush, rng: np.random.Generator) -> None:
    colour, width = _grey(rng, 0.45, 0.8), rng.uniform(0.4, 0.8)
    for index in range(8):
        shade = 1.0 - 0.07 * abs(index - 2.5)
        brush.box((index - 3.5) / 8 * width, 0.0, (width / 8 + 0.02, 4.8), colour * shade)
    brush.box(0.0, 0.0, (width + 0.15, 0.25), colour * 0.6)


def _machine(brush: Brush, rng: np.random.Generator) -> None:
    colour = _one_of(rng, _PAINTS)
    brush.box(0.0, 0.0, (0.85, 1.85), colour)
    brush.box(-0.08, 0.75, (0.55, 0.9), np.clip(colour + rng.uniform(0.1, 0.3), 0, 0.95))
    brush.box(0.33, 0.9, (0.1, 0.3), np.array((0.85, 0.85, 0.8)))
    brush.box(0.0, 0.2, (0.6, 0.25), colour * 0.4)


def _railing(brush: Brush, rng: np.random.Generator) -> None:
    colour = _grey(rng, 0.2, 0.6)
    for right in np.arange(-1.6, 1.7, 0.4):
        brush.box(float(right), 0.0, (0.05, 1.05), colour)
    for up in (0.3, 1.0):
        brush.box(0.0, up, (3.3, 0.06), colour)


# Kind: half of the width and the height of its sheet in metres, and who paints it.
FURNITURE: dict[str, tuple[float, float, Artist]] = {
    "pole": (0.9, 4.8, _pole),
    "sign": (0.5, 2.8, _sign),
    "bin": (0.4, 1.2, _bin),
    "bollard": (1.5, 1.2, _bollard),
    "planter": (0.8, 1.5, _planter),
    "bench": (1.0, 1.0, _bench),
    "tree": (2.4, 5.4, _tree),
    "car": (2.3, 1.6, _car),
    "board": (0.5, 1.9, _board),
    "pillar": (0.6, 5.0, _pillar),
    "machine": (0.5, 2.0, _machine),
    "railing": (1.8, 1.2, _railing),
}
