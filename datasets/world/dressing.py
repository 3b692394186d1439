"""Drawing one person from a domain's distributions."""

import numpy as np

from datasets.world.colours import CLOTH, HAIR, Colour, jittered, skin
from datasets.world.people import Body, Outfit, Person
from datasets.world.seeding import pick
from datasets.world.traits import PeopleTraits, Weights, weights

_STYLES_LONG: Weights = weights(short=0.08, bob=0.26, long=0.34, ponytail=0.2, bun=0.12)
_STYLES_SHORT: Weights = weights(short=0.82, bald=0.13, bob=0.05)
_SHOES: Weights = weights(black=4, white=4, brown=2, grey=2, navy=1, red=1, camel=1, teal=0.5, yellow=0.4, pink=0.6)
_SOLES: Weights = weights(white=4, black=2, own=4, orange=0.5)
_SLEEVES = {"tshirt": (0.25, 0.4), "shirt": (0.3, 1.5), "dress": (0.0, 1.1)}
_OPENING = {"jacket": 0.5, "coat": 0.4, "shirt": 0.2, "hoodie": 0.25}


def make_person(traits: PeopleTraits, rng: np.random.Generator) -> Person:
    """Draw one person.

    Args:
        traits: the domain's distributions.
        rng: source of every choice.
    """
    is_slight = rng.random() < 0.5
    return Person(_make_body(traits, rng, is_slight), _make_outfit(traits, rng, is_slight))


def _make_body(traits: PeopleTraits, rng: np.random.Generator, is_slight: bool) -> Body:
    """Draw the build; slight people are a little shorter, with narrower shoulders and more often long hair."""
    height = rng.normal(1.66 if is_slight else 1.77, 0.065)
    return Body(
        height=float(np.clip(height, 1.45, 2.0)),
        girth=float(np.clip(rng.normal(*traits.girth), 0.78, 1.4)),
        shoulders=float(np.clip(rng.normal(0.93 if is_slight else 1.05, 0.05), 0.8, 1.2)),
        hips=float(np.clip(rng.normal(1.05 if is_slight else 0.96, 0.06), 0.82, 1.25)),
        leg_length=float(np.clip(rng.normal(1.0, 0.03), 0.92, 1.08)),
        skin=jittered(rng, _bytes(skin(float(np.clip(rng.normal(*traits.skin_tone), 0, 1)))), spread=0.4),
        hair=jittered(rng, HAIR[pick(rng, traits.hair_colours)], spread=0.6),
        hair_style=pick(rng, _STYLES_LONG if is_slight else _STYLES_SHORT),
        beard=not is_slight and rng.random() < 0.25,
    )


def _make_outfit(traits: PeopleTraits, rng: np.random.Generator, is_slight: bool) -> Outfit:
    """Draw the clothes; skirts and dresses are worn by slight people only."""
    uppers = traits.uppers if is_slight else _without(traits.uppers, ("dress",))
    lowers = traits.lowers if is_slight else _without(traits.lowers, ("skirt", "long_skirt", "leggings"))
    upper, lower = pick(rng, uppers), pick(rng, lowers)
    spread = traits.colour_spread
    upper_colour = _colour(rng, traits.upper_colours, spread)
    lower_colour = _colour(rng, traits.lower_colours, spread)
    if lower == "jeans":
        lower_colour = _colour(rng, weights(denim=3, navy=2, faded=2, charcoal=1), spread)
    shoe_colour = _colour(rng, _SHOES, spread)
    low, high = _SLEEVES.get(upper, (1.0, 1.0))
    return Outfit(
        upper=upper,
        lower=lower,
        pattern=pick(rng, traits.patterns),
        sleeve=float(min(1.0, low + (high - low) * rng.random())),
        hem=float(rng.uniform(0.2, 0.75)),
        is_open=bool(rng.random() < _OPENING.get(upper, 0.0)),
        upper_colour=upper_colour,
        second_colour=_contrasting(rng, traits.accent_colours, upper_colour, spread),
        inner_colour=_contrasting(rng, traits.accent_colours, upper_colour, spread),
        lower_colour=lower_colour,
        stripe_colour=_colour(rng, traits.accent_colours, spread) if rng.random() < 0.15 else lower_colour,
        shoe_colour=shoe_colour,
        sole_colour=shoe_colour if (sole := pick(rng, _SOLES)) == "own" else jittered(rng, CLOTH[sole]),
        has_boots=bool(rng.random() < 0.15),
        hat=pick(rng, traits.hats),
        hat_colour=_colour(rng, traits.accent_colours, spread),
        bag=pick(rng, traits.bags),
        bag_colour=_colour(rng, traits.accent_colours, spread),
        bag_side=1 if rng.random() < 0.5 else -1,
        scarf_colour=_colour(rng, traits.accent_colours, spread) if rng.random() < traits.scarf else None,
        texture=int(rng.integers(2**31)),
    )


def _without(entries: Weights, names: tuple[str, ...]) -> Weights:
    """Drop names from a distribution, unless nothing would be left."""
    kept = tuple(entry for entry in entries if entry[0] not in names)
    return kept or entries


def _colour(rng: np.random.Generator, palette: Weights, spread: float) -> Colour:
    """Draw a cloth colour."""
    return jittered(rng, CLOTH[pick(rng, palette)], spread=spread)


def _contrasting(rng: np.random.Generator, palette: Weights, other: Colour, spread: float) -> Colour:
    """Draw a colour that can be told from another; the last of five tries is taken as it is."""
    for _ in range(5):
        colour = _colour(rng, palette, spread)
        if np.abs(np.subtract(colour, other)).sum() > 0.35:
            break
    return colour


def _bytes(colour: Colour) -> tuple[int, int, int]:
    """Return a 0..1 colour as 0..255."""
    red, green, blue = (round(255 * channel) for channel in colour)
    return red, green, blue
