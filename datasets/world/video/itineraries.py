"""Who passes which cameras of a site and when: people come into one camera's view, leave it, and reach another one.

From one camera to another they take the typical time of that pair, give or take a sixth. Groups stay together.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import exp

import numpy as np

from datasets.world.frames.street import SPLITS
from datasets.world.frames.walkers import Walker, group_size, group_way, mean_group, mean_stay
from datasets.world.seeding import generator
from datasets.world.video.sight import Sight, sight_of
from datasets.world.video.site import Site

# So long before the recordings begin people set out, so that the first minute is as busy as any other.
_LEAD_SECONDS = 120.0
_LEGS = (2, 3, 3, 4, 5)
_TRAVEL_SPREAD = 0.15
_TRIES = 12
# How much rather people go where they have not been.
_NEWNESS = 5.0


@dataclass(frozen=True)
class Visit:
    """One person's way past one camera.

    Args:
        camera: number of the camera, from 1.
        walker: the person and the way, in seconds of the shared clock.
        enters: second in which the person comes into view.
        leaves: last second in view.
    """

    camera: int
    walker: Walker
    enters: float
    leaves: float


def visits_of(site: Site, split: str, seconds: tuple[float, float]) -> tuple[Visit, ...]:
    """Return who is in view of which camera within a time, in the order of entering.

    Args:
        site: the cameras.
        split: "train" or "test"; each has its own people.
        seconds: first and last second of the shared clock.
    """
    visits: list[Visit] = []
    first = 0
    for number, start in enumerate(_starts(site, split, seconds)):
        rng = generator(*_key(site), "itinerary", split, number)
        people = group_size(site.streets[0], rng)
        numbers = [2 * (first + index) + 1 + SPLITS.index(split) for index in range(people)]
        first += people
        visits += itinerary(site, numbers, start, rng)
    inside = [visit for visit in visits if visit.leaves >= seconds[0] and visit.enters <= seconds[1]]
    return tuple(sorted(inside, key=lambda visit: (visit.enters, visit.camera, visit.walker.person)))


def itinerary(site: Site, numbers: Sequence[int], start: float, rng: np.random.Generator) -> Iterator[Visit]:
    """Yield the visits of a group, camera after camera.

    Args:
        site: the cameras.
        numbers: of the people in the group.
        start: second in which the first of them comes into view of the first camera.
        rng: source of every choice.
    """
    cameras = len(site.streets)
    been = [int(rng.integers(cameras))]
    for leg in range(int(rng.choice(_LEGS))):
        if leg:
            here = been[-1]
            wish = np.array([(_NEWNESS if c not in been else 1.0) / site.travel[here][c] for c in range(cameras)])
            wish[here] = 0.0
            been.append(int(rng.choice(cameras, p=wish / wish.sum())))
            start += site.travel[here][been[-1]] * exp(_TRAVEL_SPREAD * float(np.clip(rng.standard_normal(), -2, 2)))
        visits = list(_group_visits(site, been[-1], numbers, start, rng))
        yield from visits
        start = max(visit.leaves for visit in visits)


def _group_visits(
    site: Site, camera: int, numbers: Sequence[int], start: float, rng: np.random.Generator
) -> Iterator[Visit]:
    """Yield how a group passes a camera; the first of them comes into view at `start`."""
    walkers, sights = _whole_way(site, camera, numbers, rng)
    shift = start - min(sight.enters for sight in sights)
    for walker, sight in zip(walkers, sights, strict=True):
        moved = replace(walker, time=walker.time + shift)
        yield Visit(camera + 1, moved, sight.enters + shift, sight.leaves + shift)


def _whole_way(
    site: Site, camera: int, numbers: Sequence[int], rng: np.random.Generator
) -> tuple[list[Walker], list[Sight]]:
    """Draw ways past a camera until everybody comes into the picture and leaves it as people do."""
    street = site.streets[camera]
    found: tuple[list[Walker], list[Sight]] = [], []
    for _ in range(_TRIES):
        walkers = group_way(street, rng, list(numbers), 0)
        sights = [sight_of(street, walker) for walker in walkers]
        seen = [(walker, sight) for walker, sight in zip(walkers, sights, strict=True) if sight is not None]
        if seen:
            found = [walker for walker, _ in seen], [sight for _, sight in seen]
        if len(seen) == len(numbers) and all(sight.is_whole for _, sight in seen):
            break
    return found


def _starts(site: Site, split: str, seconds: tuple[float, float]) -> list[float]:
    """Return when groups set out: as many that each camera sees about as many people as in the street frames."""
    rng = generator(*_key(site), "starts", split)
    groups_in_view = sum(street.busy / mean_group(street) for street in site.streets)
    stay = float(np.mean([mean_stay(street) for street in site.streets]))
    gap = stay * float(np.mean(_LEGS)) / groups_in_view
    starts, now = [], seconds[0] - _LEAD_SECONDS
    while (now := now + float(rng.exponential(gap))) < seconds[1]:
        starts.append(now)
    return starts


def _key(site: Site) -> tuple[str, int]:
    return site.streets[0].domain.name, site.streets[0].seed
