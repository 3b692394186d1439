"""How one person passes one camera; and the people and cameras of a domain by their numbers."""

from dataclasses import dataclass
from functools import lru_cache
from math import cos, pi, sin

import numpy as np

from datasets.world.cameras import FRAME, Camera, make_camera
from datasets.world.dressing import make_person
from datasets.world.people import Person
from datasets.world.seeding import between, generator
from datasets.world.traits import Domain

FRAMES_PER_SECOND = 25
_CADENCE = 0.95


@dataclass(frozen=True)
class Passage:
    """How one person passes one camera.

    Args:
        heading: walking direction, radians; 0 comes straight to the camera.
        across: metres to the right of the camera at time 0.
        distance: metres from the camera at time 0.
        speed: metres a second.
        stride: amplitude of the gait, radians.
        phase: of the gait at time 0, radians.
        arms: what the left and the right arm do.
        exposure: light at that time, 1 = usual.
        frame: number of the frame at time 0.
    """

    heading: float
    across: float
    distance: float
    speed: float
    stride: float
    phase: float
    arms: tuple[str, str]
    exposure: float
    frame: int

    def place_at(self, seconds: float) -> tuple[float, float]:
        """Return metres to the right and metres from the camera at a time."""
        walked = self.speed * seconds
        return self.across + walked * sin(self.heading), self.distance - walked * cos(self.heading)

    def phase_at(self, seconds: float) -> float:
        """Return the phase of the gait at a time, radians."""
        return self.phase + 2 * pi * _CADENCE * seconds


def frame_of_shot(shot: int) -> int:
    """Return the frame of a shot, counted from time 0; different for the first 120 shots, within 60 of time 0."""
    return (11 * shot + 60) % 120 - 60


@lru_cache(maxsize=4096)
def person_of(domain: Domain, seed: int, person: int) -> Person:
    """Return a person of a domain.

    Args:
        domain: the place.
        seed: of its people and cameras.
        person: number of the person.
    """
    return make_person(domain.people, generator(domain.name, seed, "person", person))


@lru_cache(maxsize=256)
def camera_of(domain: Domain, seed: int, camera: int) -> Camera:
    """Return a camera of a domain.

    Args:
        domain: the place.
        seed: of its people and cameras.
        camera: number of the camera.
    """
    return make_camera(domain.cameras, generator(domain.name, seed, "camera", camera))


def passage_of(domain: Domain, seed: int, person: int, camera: int) -> Passage:
    """Return how a person of a domain passes a camera of it.

    Args:
        domain: the place.
        seed: of its people and cameras.
        person: number of the person.
        camera: number of the camera.
    """
    rng = generator(domain.name, seed, "passage", person, camera)
    place = camera_of(domain, seed, camera)
    bag = person_of(domain, seed, person).outfit
    arms = ["swing", "swing"]
    for arm in (0, 1):
        chance = rng.random()
        arms[arm] = "phone" if chance < 0.06 else "pocket" if chance < 0.15 else "swing"
    if bag.bag in ("handbag", "suitcase"):
        arms[0 if bag.bag_side > 0 else 1] = "carry"
    distance = between(rng, (place.near, place.far))
    reach = 0.4 * FRAME[1] * distance / place.focal
    direction = place.path if rng.random() < place.one_way else place.path + pi
    stride = 0.05 if rng.random() < 0.1 else between(rng, (0.28, 0.5))
    return Passage(
        heading=direction + float(rng.normal(0.0, place.spread)),
        across=between(rng, (-reach, reach)),
        distance=distance,
        speed=3.2 * stride,
        stride=stride,
        phase=between(rng, (0.0, 2 * pi)),
        arms=(arms[0], arms[1]),
        exposure=float(np.exp(rng.normal(0.0, 0.06))),
        frame=int(rng.integers(60, 120_000)),
    )
