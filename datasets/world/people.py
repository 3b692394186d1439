"""A person's identity: body, clothes and belongings, drawn once and the same in every camera."""

from dataclasses import dataclass

import numpy as np

from datasets.world.colours import CLOTH, HAIR, Colour, jittered, skin
from datasets.world.seeding import pick
from datasets.world.traits import PeopleTraits, Weights


@dataclass(frozen=True)
class Body:
    """The build of a person.

    Args:
        height: metres.
        girth: width of trunk and limbs, 1 = average.
        shoulders: width of the shoulders, 1 = average.
        hips: width of the hips, 1 = average.
        leg_length: length of the legs, 1 = average.
        skin: RGB, 0..1.
        hair: RGB, 0..1.
        hair_style: one of HAIR_STYLES.
        beard: whether there is one.
    """

    height: float
    girth: float
    shoulders: float
    hips: float
    leg_length: float
    skin: Colour
    hair: Colour
    hair_style: str
    beard: bool


@dataclass(frozen=True)
class Outfit:
    """Clothes and belongings; every colour is RGB, 0..1.

    Args:
        upper: kind of the upper garment.
        lower: kind of the lower garment.
        pattern: of the upper garment.
        sleeve: part of the arm that it covers: 0.3 short, 0.6 half, 1 long.
        hem: length of a skirt or coat, 0 (hip) to 1 (ankle).
        is_open: whether a jacket or coat shows the shirt below it.
        upper_colour: of the garment.
        second_colour: of its pattern.
        inner_colour: of the shirt below it.
        lower_colour: of trousers or skirt.
        stripe_colour: of a stripe along the trousers, or the trousers' own.
        shoe_colour: of the shoes.
        sole_colour: of toe caps and soles.
        has_boots: whether the shoes reach up the shin.
        hat: one of HATS.
        hat_colour: of the head wear.
        bag: one of BAGS.
        bag_colour: of the bag.
        bag_side: 1 left, -1 right.
        scarf_colour: of the scarf, or None.
        texture: seed of folds, prints and pattern scale.
    """

    upper: str
    lower: str
    pattern: str
    sleeve: float
    hem: float
    is_open: bool
    upper_colour: Colour
    second_colour: Colour
    inner_colour: Colour
    lower_colour: Colour
    stripe_colour: Colour
    shoe_colour: Colour
    sole_colour: Colour
    has_boots: bool
    hat: str
    hat_colour: Colour
    bag: str
    bag_colour: Colour
    bag_side: int
    scarf_colour: Colour | None
    texture: int


@dataclass(frozen=True)
class Person:
    """One identity.

    Args:
        body: the build.
        outfit: clothes and belongings.
    """

    body: Body
    outfit: Outfit


_STYLES_LONG: Weights = (("short", 0.08), ("bob", 0.26), ("long", 0.34), ("ponytail", 0.2), ("bun", 0.12))
_STYLES_SHORT: Weights = (("short", 0.82), ("bald", 0.13), ("bob", 0.05))
_SHOES: Weights = (("black", 4), ("white", 4), ("brown", 2), ("grey", 2), ("navy", 1), ("red", 1), ("camel", 1),
                   ("teal", 0.5), ("yellow", 0.4), ("pink", 0.6))  # fmt: skip
_SOLES: Weights = (("white", 4), ("black", 2), ("own", 4), ("orange", 0.5))
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
        lower_colour = _colour(rng, (("denim", 3), ("navy", 2), ("faded", 2), ("charcoal", 1)), spread)
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
        has_boots=bool(rng.random() < 0.2),
        hat=pick(rng, traits.hats),
        hat_colour=_colour(rng, traits.accent_colours, spread),
        bag=pick(rng, traits.bags),
        bag_colour=_colour(rng, traits.accent_colours, spread),
        bag_side=1 if rng.random() < 0.5 else -1,
        scarf_colour=_colour(rng, traits.accent_colours, spread) if rng.random() < traits.scarf else None,
        texture=int(rng.integers(2**31)),
    )


def _without(weights: Weights, names: tuple[str, ...]) -> Weights:
    """Drop names from a distribution, unless nothing would be left."""
    kept = tuple(entry for entry in weights if entry[0] not in names)
    return kept or weights


def _colour(rng: np.random.Generator, weights: Weights, spread: float) -> Colour:
    """Draw a cloth colour."""
    return jittered(rng, CLOTH[pick(rng, weights)], spread=spread)


def _contrasting(rng: np.random.Generator, weights: Weights, other: Colour, spread: float) -> Colour:
    """Draw a colour that can be told from another; the last of five tries is taken as it is."""
    for _ in range(5):
        colour = _colour(rng, weights, spread)
        if np.abs(np.subtract(colour, other)).sum() > 0.35:
            break
    return colour


def _bytes(colour: Colour) -> tuple[int, int, int]:
    """Return a 0..1 colour as 0..255."""
    red, green, blue = (round(255 * channel) for channel in colour)
    return red, green, blue
