"""Figures that are no pedestrians to be found: on posters, seated behind tables, in a far-away crowd."""

from math import pi

import numpy as np

from datasets.world.draw import Light, cover_person, draw_person
from datasets.world.frames.sprite import Brush
from datasets.world.frames.street import Street
from datasets.world.passage import person_of
from datasets.world.pose import Pose, View

# Nobody of either split has such a number.
_STRANGERS = 10**6


def paint_poster(brush: Brush, street: Street, rng: np.random.Generator) -> None:
    """Paint a lit board that shows a person, life-size or smaller.

    Args:
        brush: paints in metres.
        street: whose people stand model.
        rng: source of every choice.
    """
    brush.box(0.0, 0.0, (1.15, 2.2), np.full(3, rng.uniform(0.1, 0.3)))
    brush.box(0.0, 0.25, (1.05, 1.85), np.clip(rng.uniform(0.4, 0.9) + rng.normal(0, 0.12, 3), 0.1, 0.95))
    tall = rng.uniform(1.45, 1.75)
    _figure(brush, street, rng, (float(rng.uniform(-0.15, 0.15)), 0.3, tall))


def paint_seated(brush: Brush, street: Street, rng: np.random.Generator) -> None:
    """Paint a person who sits behind a table: only what is above it shows.

    Args:
        brush: paints in metres.
        street: whose people sit there.
        rng: source of every choice.
    """
    colour = np.array((0.4, 0.28, 0.2)) * rng.uniform(0.5, 1.5)
    brush.box(0.0, 0.0, (0.5, 0.9), colour * 0.6)
    _figure(brush, street, rng, (0.0, -0.42, rng.uniform(1.6, 1.8)))
    brush.box(0.0, 0.05, (1.0, 0.64), np.clip(colour, 0, 0.9) * 0.75)
    brush.box(0.0, 0.66, (1.3, 0.07), np.clip(colour * 1.2, 0, 0.95))
    brush.sheet[brush.point(0, 0.05)[1] :] = 0.0


def paint_crowd(brush: Brush, street: Street, rng: np.random.Generator) -> None:
    """Paint a dozen people who stand close together, the farthest first.

    Args:
        brush: paints in metres.
        street: whose people stand there.
        rng: source of every choice.
    """
    for up in sorted(rng.uniform(0.0, 0.35, 13).tolist(), reverse=True):
        _figure(brush, street, rng, (float(rng.normal(0.0, 1.2)), up, rng.uniform(1.55, 1.85)))


def _figure(brush: Brush, street: Street, rng: np.random.Generator, place: tuple[float, float, float]) -> None:
    """Draw a standing person on the sheet; `place` is right, up and tall in metres."""
    right, up, tall = place
    person = person_of(street.domain, street.seed, _STRANGERS + int(rng.integers(200)))
    column, row = brush.point(right, up)
    height = tall * brush.unit
    box = (column - height / 4, row - height, column + height / 4, float(row))
    pose, view = Pose(rng.uniform(0, 2 * pi), 0.06), View(rng.uniform(-0.8, 0.8), 0.12)
    cover = np.zeros(brush.sheet.shape[:2], np.float32)
    cover_person(cover, person, pose, box=box, view=view)
    colours = np.ascontiguousarray(brush.sheet[..., :3])
    draw_person(colours, person, pose, box=box, view=view, light=Light(street.eye.azimuth, street.eye.direct))
    brush.sheet[..., :3] = colours
    brush.sheet[..., 3] += (1.0 - brush.sheet[..., 3]) * cover
