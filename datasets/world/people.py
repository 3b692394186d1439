"""A person's identity: body, clothes and belongings, the same in every camera."""

from dataclasses import dataclass

from datasets.world.colours import Colour


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
