"""Who walks before a camera and where: a stream of groups in slots of time, each on a straight way with a stop."""

from dataclasses import dataclass, replace
from functools import lru_cache
from math import atan2, cos, pi, sin

import numpy as np

from datasets.world.frames.street import SPLITS, Street
from datasets.world.passage import person_of
from datasets.world.pose import Pose
from datasets.world.seeding import between, generator

SLOT_SECONDS = 1.5
_BLOCK_SLOTS, _BLOCKS = 20, (0.0, 0.7, 0.9, 1.0, 1.0, 1.0, 1.2, 1.4)
_LIFE_SECONDS = 30.0
# A way through the view takes about so long, whatever the camera: the focal length grows with the distance.
_STAY_SECONDS, _PAUSE_SECONDS = 13.0, (4.0, 25.0)
_CADENCE, _POOL = 0.95, 300
_SHOULDER = 0.62
# A little below the full frame, so that some people come cut off at the knees.
_LOWEST_ROW = 590.0


@dataclass(frozen=True)
class Walker:
    """One person's way past a camera.

    Args:
        person: number of the person.
        time: when the meeting point is reached, seconds.
        across: metres to the right of the camera at the meeting point.
        distance: metres from the camera at the meeting point.
        heading: walking direction, radians; 0 comes straight to the camera.
        stride: amplitude of the gait, radians; the speed is 3.2 metres a second for each of them.
        phase: of the gait at the meeting point, radians.
        pause: how long the person stands at the meeting point, seconds.
        facing: direction of the body while it stands, radians.
        arms: what the left and the right arm do.
    """

    person: int
    time: float
    across: float
    distance: float
    heading: float
    stride: float
    phase: float
    pause: float
    facing: float
    arms: tuple[str, str]

    def moved(self, seconds: float) -> float:
        """Return the seconds of walking between the meeting point and a time; negative before it."""
        since = seconds - self.time
        return min(since, 0.0) + max(since - self.pause, 0.0)

    def place_at(self, seconds: float) -> tuple[float, float]:
        """Return metres to the right and metres from the camera at a time."""
        walked = 3.2 * self.stride * self.moved(seconds)
        return self.across + walked * sin(self.heading), self.distance - walked * cos(self.heading)

    def pose_at(self, seconds: float) -> tuple[Pose, float]:
        """Return the pose at a time, and the direction of the body."""
        if 0.0 < seconds - self.time < self.pause:
            return Pose(self.phase, 0.04, *self.arms), self.facing
        return Pose(self.phase + 2 * pi * _CADENCE * self.moved(seconds), self.stride, *self.arms), self.heading

    def is_alive(self, seconds: float) -> bool:
        """Return whether the person is on the way at a time."""
        return -_LIFE_SECONDS < seconds - self.time < _LIFE_SECONDS + self.pause


def walkers_at(street: Street, split: str, seconds: float) -> list[Walker]:
    """Return who is on the way past a camera, in view or not.

    Args:
        street: what the camera looks at.
        split: "train" or "test"; each has its own people.
        seconds: the time.
    """
    slot, reach = int(seconds // SLOT_SECONDS), int(2 * _LIFE_SECONDS / SLOT_SECONDS) + 1
    slots = range(slot - reach, slot + int(_LIFE_SECONDS / SLOT_SECONDS) + 2)
    return [walker for number in slots for walker in _arrivals(street, split, number) if walker.is_alive(seconds)]


@lru_cache(maxsize=8192)
def _arrivals(street: Street, split: str, slot: int) -> tuple[Walker, ...]:
    """Return the group whose meeting time lies in a slot; empty for most slots."""
    key = (street.domain.name, street.seed, "arrival", street.number, split)
    block = generator(*key, "block", slot // _BLOCK_SLOTS)
    rng = generator(*key, slot)
    mean_size = mean_group(street)
    chance = street.busy * SLOT_SECONDS / (mean_stay(street) * mean_size) * _BLOCKS[int(block.integers(len(_BLOCKS)))]
    if rng.random() >= chance:
        return ()
    count = group_size(street, rng)
    numbers = [_person_number(street, split, slot, index) for index in range(count)]
    return group_way(street, rng, numbers, slot)


def mean_stay(street: Street) -> float:
    """Return how long a person is in view on average, seconds."""
    return _STAY_SECONDS + street.traits.pauses * sum(_PAUSE_SECONDS) / 2


def mean_group(street: Street) -> float:
    """Return how many people come together on average."""
    return 1.0 + 1.4 * street.traits.groups


def group_size(street: Street, rng: np.random.Generator) -> int:
    """Draw how many people come together.

    Args:
        street: whose habits they have.
        rng: source of the choice.
    """
    return 1 if rng.random() >= street.traits.groups else int(rng.choice((2, 2, 2, 3, 3, 4)))


def group_way(street: Street, rng: np.random.Generator, numbers: list[int], slot: int) -> tuple[Walker, ...]:
    """Draw the way of a group past a camera.

    Args:
        street: what the camera looks at.
        rng: source of every choice.
        numbers: of the people in the group.
        slot: of time in which they reach their meeting point.
    """
    pause = between(rng, _PAUSE_SECONDS) if rng.random() < street.traits.pauses else 0.0
    distance = float(np.exp(between(rng, (np.log(street.nearest(_LOWEST_ROW)), np.log(0.65 * street.wall)))))
    along = street.eye.path + (0.0 if rng.random() < street.eye.one_way else pi)
    leader = Walker(
        person=numbers[0],
        time=(slot + rng.random()) * SLOT_SECONDS,
        across=between(rng, (-0.95, 0.95)) * street.half_width(distance),
        distance=distance,
        heading=along + float(rng.normal(0.0, 1.3 * street.eye.spread)),
        stride=between(rng, (0.28, 0.5)),
        phase=0.0,
        pause=pause,
        facing=between(rng, (0.0, 2 * pi)),
        arms=("swing", "swing"),
    )
    members = [_member(leader, index, len(numbers), rng) for index in range(len(numbers))]
    return tuple(
        replace(member, person=number, phase=between(rng, (0.0, 2 * pi)), arms=_arms(street, number, rng))
        for member, number in zip(members, numbers, strict=True)
    )


def _member(leader: Walker, index: int, count: int, rng: np.random.Generator) -> Walker:
    """Return the way of one of a group: side by side in walking, in a circle in standing."""
    if count == 1:
        return leader
    if leader.pause:
        angle, radius = leader.facing + 2 * pi * index / count, between(rng, (0.4, 0.6))
        facing = angle + pi + float(rng.normal(0.0, 0.3))
        across, distance = leader.across + radius * sin(angle), leader.distance - radius * cos(angle)
        return replace(leader, across=across, distance=distance, facing=facing)
    beside, behind = (index - (count - 1) / 2) * _SHOULDER, float(rng.normal(0.0, 0.25))
    turn = cos(leader.heading), sin(leader.heading)
    across = leader.across + beside * turn[0] - behind * turn[1]
    return replace(leader, across=across, distance=leader.distance + beside * turn[1] + behind * turn[0])


def _person_number(street: Street, split: str, slot: int, index: int) -> int:
    """Return who comes; nobody comes twice within the time that it takes to pass the camera."""
    order = (7 * (4 * slot + index) + 41 * street.number) % _POOL
    return 2 * order + 1 + SPLITS.index(split)


def _arms(street: Street, person: int, rng: np.random.Generator) -> tuple[str, str]:
    """Return what the arms do; a bag in the hand keeps its arm still."""
    outfit = person_of(street.domain, street.seed, person).outfit
    arms = [("phone" if chance < 0.06 else "pocket" if chance < 0.15 else "swing") for chance in rng.random(2)]
    if outfit.bag in ("handbag", "suitcase"):
        arms[0 if outfit.bag_side > 0 else 1] = "carry"
    return arms[0], arms[1]


def view_heading(heading: float, place: tuple[float, float]) -> float:
    """Return the direction of a body as seen from the camera, radians.

    Args:
        heading: direction of the body; 0 faces straight to the camera's axis.
        place: metres to the right and metres from the camera.
    """
    return heading + atan2(*place)
