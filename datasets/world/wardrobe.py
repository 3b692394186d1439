"""The textures of one person's surfaces, made once per person."""

import numpy as np

from datasets.world import fabric
from datasets.world.colours import shaded
from datasets.world.faces import head_texture
from datasets.world.people import Body, Outfit, Person
from datasets.world.seeding import generator

_TORSO_ROWS, _ROWS = 48, 24


def surfaces_of(person: Person) -> dict[str, np.ndarray]:
    """Return the texture of every surface of a person.

    Args:
        person: who.

    Returns:
        Surface name to (rows, one and a half turns of columns, 3) float32 RGB, 0..1; half a turn is repeated so that
        every view is one slice.
    """
    body, outfit = person.body, person.outfit
    rng = generator("cloth", outfit.texture)
    textures = _upper(outfit, body, rng) | _lower(outfit, body, rng) | _belongings(outfit, rng)
    textures["head"] = head_texture(body, outfit)
    textures["hair"] = fabric.folded(fabric.plain(_ROWS, body.hair), rng, strength=0.15)
    textures["hand"] = fabric.plain(4, body.skin)
    textures["neck"] = fabric.plain(8, outfit.upper_colour if outfit.hat == "hood" else body.skin)
    return {
        name: np.ascontiguousarray(
            np.clip(np.concatenate([t, t[:, : fabric.COLUMNS // 2]], axis=1), 0.0, 1.0), np.float32
        )
        for name, t in textures.items()
    }


def _upper(outfit: Outfit, body: Body, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Paint torso, arms and what hangs below the hips from the upper garment."""
    colours = (outfit.upper_colour, outfit.second_colour)
    torso = fabric.patterned(_TORSO_ROWS, outfit.pattern, colours, rng)
    along = fabric.down(_TORSO_ROWS)
    if outfit.upper in ("tshirt", "dress"):
        fabric.paint(torso, (along < 0.1) & fabric.front(0.9), body.skin)
    if outfit.is_open:
        fabric.paint(torso, fabric.front(0.2) | (fabric.front(0.55) & (along < 0.2)), outfit.inner_colour)
        fabric.paint(torso, (along < 0.1) & fabric.front(0.5), body.skin)
    elif outfit.upper in ("jacket", "coat", "shirt"):
        fabric.paint(torso, fabric.front(0.05) & (along > 0.1), shaded(outfit.upper_colour, 0.6))
        fabric.paint(torso, (along < 0.16) & fabric.front(0.4), outfit.inner_colour)
    if outfit.upper == "hoodie" and outfit.hat != "hood":
        fabric.paint(torso, (along < 0.2) & fabric.back(1.3), shaded(outfit.upper_colour, 0.75))
    torso = fabric.folded(torso, rng)
    torso *= (1.0 - 0.18 * (along > 0.93))[..., None]
    _straps(torso, outfit)
    sleeve = outfit.second_colour if outfit.pattern == "block" and rng.random() < 0.5 else outfit.upper_colour
    ringed = fabric.patterned(_ROWS, outfit.pattern if outfit.pattern in ("rings", "checks") else "plain",
                              (sleeve, outfit.second_colour), rng)  # fmt: skip
    arm, fore = fabric.folded(ringed, rng), fabric.folded(ringed, rng)
    fabric.paint(arm, fabric.down(_ROWS) > max(0.05, outfit.sleeve * 2.0), body.skin)
    fabric.paint(fore, fabric.down(_ROWS) > outfit.sleeve * 2.0 - 1.0, body.skin)
    skirt = outfit.upper_colour if outfit.upper in ("coat", "dress") else outfit.lower_colour
    tail = fabric.plain(_TORSO_ROWS, skirt)
    if outfit.upper == "dress":
        tail = fabric.patterned(_TORSO_ROWS, _all_over(outfit.pattern), colours, rng)
    if outfit.upper == "coat" and outfit.is_open:
        fabric.paint(tail, fabric.front(0.22), outfit.lower_colour)
    tail = fabric.folded(tail, rng, strength=0.1)
    return {"torso": torso, "upper_arm": arm, "forearm": fore, "tail": tail}


def _all_over(pattern: str) -> str:
    """Return a pattern as it continues below the waist."""
    return pattern if pattern in ("rings", "dots", "checks", "pinstripe") else "plain"


def _straps(torso: np.ndarray, outfit: Outfit) -> None:
    """Paint the straps of a bag over the torso."""
    along = fabric.down(torso.shape[0])
    if outfit.bag == "backpack":
        shoulder = np.abs(np.abs(fabric.ANGLE) - 0.62) < 0.13
        fabric.paint(torso, shoulder[None] & (along < 0.62), outfit.bag_colour)
    elif outfit.bag == "messenger":
        fabric.paint(torso, fabric.strap(torso.shape[0], outfit.bag_side), outfit.bag_colour)


def _lower(outfit: Outfit, body: Body, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Paint hips, legs and shoes."""
    hips = fabric.folded(fabric.plain(_ROWS, outfit.lower_colour), rng)
    thigh = fabric.folded(fabric.plain(_ROWS, outfit.lower_colour), rng)
    shin = fabric.folded(fabric.plain(_ROWS, outfit.lower_colour), rng)
    stripe = fabric.sides(0.3) & (fabric.down(_ROWS) > -1)
    for texture in (thigh, shin):
        fabric.paint(texture, stripe, outfit.stripe_colour) if outfit.stripe_colour != outfit.lower_colour else None
    is_bare = outfit.lower in ("shorts", "skirt", "long_skirt") or (
        outfit.upper == "dress" and outfit.lower != "leggings"
    )
    if is_bare:
        fabric.paint(shin, fabric.down(_ROWS) < 2.0, body.skin)
        bare_from = 0.75 if outfit.lower == "shorts" else 0.0
        fabric.paint(thigh, fabric.down(_ROWS) > bare_from, body.skin)
    boot = shin.copy()
    fabric.paint(boot, fabric.down(_ROWS) > 0.35, outfit.shoe_colour)
    fabric.paint(shin, fabric.down(_ROWS) > 0.9, shaded(body.skin, 0.9) if is_bare else outfit.lower_colour)
    shoe = fabric.plain(_ROWS, outfit.shoe_colour)
    fabric.paint(shoe, fabric.down(_ROWS) > 0.72, outfit.sole_colour)
    return {"hips": hips, "thigh": thigh, "shin": shin, "boot": boot, "shoe": shoe}


def _belongings(outfit: Outfit, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Paint bag, hat and scarf."""
    bag = fabric.folded(fabric.plain(_ROWS, outfit.bag_colour), rng, strength=0.05)
    along = fabric.down(_ROWS)
    fabric.paint(bag, np.abs(along - 0.3) < 0.03, shaded(outfit.bag_colour, 0.6))
    if outfit.bag == "backpack":
        fabric.paint(bag, (along > 0.55) & (along < 0.9) & fabric.back(0.7), shaded(outfit.bag_colour, 0.8))
    hat = fabric.plain(_ROWS, outfit.hat_colour)
    if outfit.hat == "beanie":
        fabric.paint(hat, along > 0.7, shaded(outfit.hat_colour, 0.8))
    return {
        "bag": bag,
        "strap": fabric.plain(4, shaded(outfit.bag_colour, 0.8)),
        "hat": hat,
        "brim": fabric.plain(4, shaded(outfit.hat_colour, 0.9)),
        "scarf": fabric.folded(fabric.plain(8, outfit.scarf_colour or outfit.hat_colour), rng, strength=0.15),
    }
