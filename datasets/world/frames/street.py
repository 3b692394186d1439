"""One camera's street: the camera of the crops with a wider view, the wall that closes it, and its air."""

from dataclasses import dataclass, replace
from functools import cached_property
from math import hypot

import numpy as np

from datasets.world.cameras import FRAME, Camera, Optics
from datasets.world.draw import HazyLight
from datasets.world.frames.street_traits import StreetTraits, street_traits
from datasets.world.passage import camera_of
from datasets.world.photometry import colour_matrix
from datasets.world.seeding import between, generator
from datasets.world.traits import Domain

_NEAR, _FAR = 0.35, 2.8
SPLITS = ("train", "test")


@dataclass(frozen=True, eq=False)
class Street:
    """What one camera looks at.

    Args:
        domain: who walks there.
        seed: of the domain's people and cameras.
        number: of the camera, from 1.
        traits: how the streets of the domain look.
        eye: the camera, with the focal length and the reach of the frames.
        middle: distance at which the crops of this camera are taken, metres.
        wall: distance of what closes the view, metres.
        busy: people in view at usual times.
    """

    domain: Domain
    seed: int
    number: int
    traits: StreetTraits
    eye: Camera
    middle: float
    wall: float
    busy: float

    @cached_property
    def optics(self) -> Optics:
        """Return what the camera does to light; the haze is left out, for it grows with the distance."""
        seen = self.eye.optics
        return replace(seen, haze=0.0, defocus=0.6 * seen.defocus, motion=0.4 * seen.motion)

    @cached_property
    def veil(self) -> np.ndarray:
        """Return the colour of the haze before the camera changes it, (3,) float32 RGB."""
        gains = colour_matrix(replace(self.eye.optics, saturation=1.0, haze=0.0, contrast=1.0), 1.0)[:, :3]
        return (self.eye.optics.veil / np.diag(gains)).astype(np.float32)

    def haze(self, distance: float) -> float:
        """Return the part of what is seen at a distance that the veil replaces."""
        return float(1.0 - (1.0 - self.eye.optics.haze) ** (self.traits.fog * distance / self.middle))

    def light(self, distance: float) -> HazyLight:
        """Return the light on somebody at a distance."""
        return HazyLight(self.eye.azimuth, self.eye.direct, self.haze(distance), self.veil)

    def half_width(self, distance: float) -> float:
        """Return how far to the right the full frame reaches at a distance, metres."""
        return FRAME[1] / 2 * hypot(self.eye.height, distance) / self.eye.focal

    def nearest(self, row: float) -> float:
        """Return the distance of the ground that a row of the full frame shows, not nearer than people come."""
        distances = np.geomspace(_NEAR * self.middle, self.wall, 200)
        shown = [float(distance) for distance in distances if self.eye.foot(0.0, float(distance))[1] <= row]
        return shown[0] if shown else self.wall


def make_street(domain: Domain, seed: int, number: int) -> Street:
    """Return the street before a camera; the camera is the one of the crops.

    Args:
        domain: who walks there and which cameras look.
        seed: of the domain's people and cameras.
        number: of the camera, from 1.
    """
    traits, near = street_traits(domain), camera_of(domain, seed, number)
    rng = generator(domain.name, seed, "street", number)
    middle = (near.near + near.far) / 2
    eye = replace(near, near=_NEAR * middle, far=_FAR * middle, focal=near.focal * between(rng, traits.zoom))
    return Street(
        domain,
        seed,
        number,
        traits,
        eye,
        middle=middle,
        wall=eye.far * between(rng, (1.02, 1.3)),
        busy=between(rng, traits.busy),
    )
