"""How the streets of a domain look and how much happens there; what a single crop never shows."""

from dataclasses import dataclass

import numpy as np

from datasets.world.seeding import between, generator, pick
from datasets.world.traits import Domain, Limits, Weights, weights

OUTDOORS = weights(
    pole=2, sign=2, bin=1.5, bollard=1.5, planter=1, bench=1, tree=2, car=2, board=1, pillar=0.3, machine=0.4, railing=1
)
INDOORS = weights(pillar=2, planter=2, bench=1.5, bin=1.5, board=2, machine=1.5, sign=0.5, railing=1, bollard=0.5)


@dataclass(frozen=True)
class StreetTraits:
    """Distributions that the streets of a domain are drawn from.

    Args:
        zoom: of the frames against the crops; over 1, people are larger and less of the place is seen.
        busy: people in view at usual times.
        groups: probability that people come in a group.
        pauses: probability that they stop and stand for a while.
        clutter: number of things that stand about.
        things: weights over the kinds of them.
        fog: how much thicker the camera's haze is than in a crop.
        dusk: part of the light that is missing between the lamps, 0 by day.
        weather: "clear", "rain" or "snow".
        crowd: probability of a far-away crowd.
        figures: largest number of posters and of seated people.
    """

    zoom: Limits
    busy: Limits
    groups: float
    pauses: float
    clutter: Limits
    things: Weights
    fog: float
    dusk: float
    weather: str
    crowd: float
    figures: int


_NAMED: dict[str, StreetTraits] = {
    "sunny_plaza": StreetTraits(
        (1.1, 1.5), (3.5, 6.0), 0.45, 0.3, (4, 9), OUTDOORS, 0.5, 0.0, "clear", crowd=0.5, figures=1
    ),
    "indoor_mall": StreetTraits(
        (1.1, 1.6), (4.5, 8.0), 0.5, 0.3, (5, 11), INDOORS, 0.6, 0.0, "clear", crowd=0.3, figures=3
    ),
    "night_street": StreetTraits(
        (0.85, 1.25), (2.5, 4.5), 0.3, 0.15, (6, 12), OUTDOORS, 1.0, 0.72, "clear", crowd=0.2, figures=1
    ),
    "winter_station": StreetTraits(
        (0.95, 1.35), (4.0, 7.5), 0.35, 0.5, (5, 10), INDOORS, 1.9, 0.0, "snow", crowd=0.5, figures=2
    ),
    "rainy_campus": StreetTraits(
        (0.65, 0.95), (3.0, 6.0), 0.5, 0.2, (7, 13), OUTDOORS, 1.3, 0.0, "rain", crowd=0.4, figures=1
    ),
}


def street_traits(domain: Domain) -> StreetTraits:
    """Return how the streets of a domain look; those of an unlisted domain are drawn by its name.

    Args:
        domain: who walks there and which cameras look.
    """
    if domain.name in _NAMED:
        return _NAMED[domain.name]
    rng = generator(domain.name, "street")
    is_inside = not any(name in ("plaza", "street", "park") for name, weight in domain.cameras.scenes if weight)
    is_dark = domain.cameras.veil[1] < 0.5
    weather = "clear" if is_inside else pick(rng, weights(clear=3, rain=1, snow=1))
    zoom, busy = between(rng, (0.65, 1.3)), between(rng, (2.0, 5.0))
    return StreetTraits(
        zoom=(zoom, zoom * 1.3),
        busy=(busy, busy * 1.4),
        groups=between(rng, (0.2, 0.55)),
        pauses=between(rng, (0.1, 0.45)),
        clutter=(4, 11),
        things=_drawn(rng, INDOORS if is_inside else OUTDOORS),
        fog=between(rng, (0.4, 2.0)),
        dusk=between(rng, (0.5, 0.75)) if is_dark else 0.0,
        weather=weather,
        crowd=between(rng, (0.2, 0.6)),
        figures=int(rng.integers(1, 4)),
    )


def _drawn(rng: np.random.Generator, kinds: Weights) -> Weights:
    """Draw weights around usual ones."""
    return tuple((name, weight * float(rng.gamma(1.5, 1.0)) + 0.05) for name, weight in kinds)
