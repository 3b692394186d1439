"""A site: several cameras of one domain, how long people take from one to another, and when each recording starts."""

from dataclasses import dataclass
from math import dist

from datasets.world.domains import domain_by_name
from datasets.world.frames.street import Street, make_street
from datasets.world.seeding import between, generator
from pipeline.errors import DataError

MOST_CAMERAS = 9  # the crops' names have one digit for the camera
# The ground that the cameras stand on, metres; a minute's walk from corner to corner.
_SIDE, _PACE, _LEAST_SECONDS = 30.0, 1.3, 6.0
_LATEST_START = 4.0


@dataclass(frozen=True, eq=False)
class Site:
    """Cameras that the same people pass.

    Args:
        streets: what each camera looks at; camera 1 comes first.
        travel: typical seconds from leaving one camera's view to entering another's, [from][to], by position.
        starts: second of the shared clock at which each recording begins.
    """

    streets: tuple[Street, ...]
    travel: tuple[tuple[float, ...], ...]
    starts: tuple[float, ...]


def make_site(domain: str, seed: int, cameras: int) -> Site:
    """Return the site of a domain; its cameras are those of the crops and of the street frames.

    Args:
        domain: a named domain, or "random-<number>".
        seed: of the domain's people and cameras.
        cameras: their number.

    Raises:
        DataError: unknown domain, or a number of cameras out of range.
    """
    if not 2 <= cameras <= MOST_CAMERAS:
        raise DataError(f"cameras = {cameras} is out of range", f"a number from 2 to {MOST_CAMERAS}")
    place = domain_by_name(domain)
    draws = [generator(place.name, seed, "site", number) for number in range(1, cameras + 1)]
    spots = [(between(rng, (0.0, _SIDE)), between(rng, (0.0, _SIDE))) for rng in draws]
    # Recorders are never switched on in the same second; whole tenths are whole frames at 10 frames a second.
    starts = tuple(round(between(rng, (0.0, _LATEST_START)), 1) for rng in draws)
    travel = tuple(tuple(_LEAST_SECONDS + dist(one, other) / _PACE for other in spots) for one in spots)
    return Site(tuple(make_street(place, seed, number) for number in range(1, cameras + 1)), travel, starts)
