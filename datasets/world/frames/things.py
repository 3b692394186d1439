"""The things of a street by place: chosen once for a camera, cut out once for a picture size."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from datasets.world.frames.figures import paint_crowd, paint_poster, paint_seated
from datasets.world.frames.furniture import FURNITURE
from datasets.world.frames.screen import Screen
from datasets.world.frames.sprite import Brush, Sprite
from datasets.world.frames.street import Street
from datasets.world.seeding import between, generator, pick

# Kind: half of the width and the height of its sheet in metres, and who paints it.
FIGURES = {"poster": (0.7, 2.4, paint_poster), "sitting": (0.8, 1.7, paint_seated), "crowd": (4.5, 2.4, paint_crowd)}
# What stands near must not fill the picture: part of its height that a thing may take.
_TALLEST, _TALLEST_POST = 0.42, 1.1


@dataclass(frozen=True)
class Thing:
    """One thing.

    Args:
        kind: one of FURNITURE or FIGURES.
        across: metres to the right of the camera.
        distance: metres from the camera.
        number: among the things of its street.
    """

    kind: str
    across: float
    distance: float
    number: int

    @property
    def is_figure(self) -> bool:
        """Return whether a detector may take it for a person and is neither right nor wrong."""
        return self.kind in FIGURES


@lru_cache(maxsize=256)
def things_of(street: Street) -> tuple[Thing, ...]:
    """Return the things of a street, the farthest first.

    Args:
        street: what the camera looks at.
    """
    rng = generator(street.domain.name, street.seed, "things", street.number)
    kinds = [pick(rng, street.traits.things) for _ in range(round(between(rng, street.traits.clutter)))]
    kinds += [("poster", "sitting")[int(rng.integers(2))] for _ in range(int(rng.integers(street.traits.figures + 1)))]
    things = [_placed(street, kind, number, rng) for number, kind in enumerate(kinds)]
    if rng.random() < street.traits.crowd:
        distance = 0.985 * street.wall
        across = between(rng, (-0.7, 0.7)) * street.half_width(distance)
        things.append(Thing("crowd", across, distance, len(things)))
    return tuple(sorted(things, key=lambda thing: (-thing.distance, thing.number)))


def _placed(street: Street, kind: str, number: int, rng: np.random.Generator) -> Thing:
    """Find a place for a thing: anywhere in view, but not so near that it fills the picture."""
    height = {**FURNITURE, **FIGURES}[kind][1]
    part = _TALLEST_POST if kind in ("pole", "sign", "pillar", "tree") else _TALLEST
    near = max(street.nearest(520.0), height * street.eye.focal / (part * 540))
    if kind == "car":
        near = max(near, 0.6 * street.wall)
    far = 0.96 * street.wall
    distance = far if near >= far else float(np.exp(between(rng, (np.log(near), np.log(far)))))
    return Thing(kind, between(rng, (-0.98, 0.98)) * street.half_width(distance), distance, number)


@lru_cache(maxsize=2048)
def cut_out(street: Street, thing: Thing, screen: Screen) -> Sprite:
    """Return a thing as it looks on a picture.

    Args:
        street: where it stands.
        thing: what.
        screen: the picture.
    """
    rng = generator(street.domain.name, street.seed, "thing", street.number, thing.number, thing.kind)
    half_width, height = {**FURNITURE, **FIGURES}[thing.kind][:2]
    metre = street.eye.metre(thing.distance) * screen.scale
    brush = Brush(metre, half_width=half_width, height=height)
    if thing.kind in FIGURES:
        FIGURES[thing.kind][2](brush, street, rng)
    else:
        FURNITURE[thing.kind][2](brush, rng)
    return brush.finish(screen.point(*street.eye.foot(thing.across, thing.distance)))
