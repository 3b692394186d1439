"""Trunk and head of a body, with what is worn on them."""

from datasets.world.people import Body, Outfit, Person
from datasets.world.pose import Part, Point, Sketch


def add_trunk(sketch: Sketch, person: Person, hip_height: float, neck: Point) -> None:
    """Add hips, skirt or coat tails, torso, neck and scarf.

    Args:
        sketch: gets the parts.
        person: who.
        hip_height: from the ground.
        neck: between the shoulders, in the body frame.
    """
    body, outfit = person.body, person.outfit
    hips = 0.092 * body.hips * body.girth
    shoulders = 0.112 * body.girth * body.shoulders * (1.08 if outfit.upper in ("coat", "jacket", "hoodie") else 1.0)
    sketch.add("hips", "hips", ((0, 0, hip_height + 0.07), (0, 0, hip_height - 0.05)), hips, (0.0, -0.02))
    tail = _tail_length(outfit, hip_height)
    if tail:
        flare = 1.12 if outfit.upper == "coat" else 1.3
        sketch.add("tail", "skirt", ((0, 0, hip_height + 0.06), (0, 0, hip_height - tail)), hips * flare, (0.0, -0.01))
    hem = hip_height + (0.05 if outfit.upper in ("shirt", "dress") and tail else -0.035)
    sketch.add("torso", f"torso_{_figure(body)}", ((0, neck[1], neck[2] + 0.012), (0, 0, hem)), shoulders, (0.0, 0.0))
    sketch.add("neck", "neck", ((0, neck[1] + 0.014, 0.885), (0, neck[1], 0.815)), 0.031 * body.girth, (0.2, 0.001))
    if outfit.scarf_colour is not None:
        sketch.add("scarf", "ball", ((0, neck[1] + 0.012, 0.875), (0, neck[1] + 0.012, 0.812)), 0.058, (0.0, 0.02))


def _tail_length(outfit: Outfit, hip_height: float) -> float:
    """Return how far a skirt, dress or coat reaches below the hips; 0 for none."""
    if outfit.lower == "long_skirt":
        return hip_height * 0.86
    if outfit.upper in ("coat", "dress") or outfit.lower == "skirt":
        return hip_height * (0.2 + 0.55 * outfit.hem)
    return 0.0


def _figure(body: Body) -> str:
    """Return the outline of the trunk that fits a build."""
    if body.girth > 1.16:
        return "round"
    return "waisted" if body.hips / body.shoulders > 1.05 else "straight"


def add_head(sketch: Sketch, person: Person, neck: Point) -> None:
    """Add head, hair that hangs, and hat.

    Args:
        sketch: gets the parts.
        person: who.
        neck: between the shoulders, in the body frame.
    """
    body, outfit = person.body, person.outfit
    forward = neck[1] + 0.016
    wrapped = outfit.hat in ("hood", "headscarf")
    size = 1.14 if wrapped else 1.0
    top, chin = (0.0, forward - 0.002, 1.0 + 0.008 * wrapped), (0.0, forward + 0.006, 0.866)
    sketch.add("head", "head", (top, chin), 0.05 * size, (0.2, 0.08))
    if not wrapped:
        _hanging_hair(sketch, body, forward)
    if outfit.hat in ("beanie", "cap", "sunhat"):
        sketch.add("hat", "dome", ((0, forward - 0.004, 1.018), (0, forward - 0.004, 0.948)), 0.054, (0.2, 0.09))
    if outfit.hat == "cap":
        facing = abs(sketch.project((0, 1, 0))[2])
        ends = ((0, forward + 0.025, 0.958), (0, forward + 0.125 - 0.05 * facing, 0.944))
        sketch.add("brim", "disc", ends, 0.014 + 0.032 * facing, (0.4, 0.09))
    if outfit.hat == "sunhat":
        right, up, _ = sketch.project((0, forward, 0.955))
        half = 0.012 + 0.1 * abs(sketch.sin_up)
        sketch.parts.append(Part("brim", "disc", (right, up + half), (right, up - half), 0.105, 0.085))


def _hanging_hair(sketch: Sketch, body: Body, forward: float) -> None:
    """Add the hair that leaves the head's outline; it covers the back and hides behind the front."""
    order = (0.0, 0.02 - 0.12 * sketch.project((0, 1, 0))[2])
    if body.hair_style in ("long", "bob"):
        end, back = (0.745, 0.055) if body.hair_style == "long" else (0.845, 0.03)
        sketch.add("hair", "lock", ((0, forward - 0.012, 0.99), (0, forward - back, end)), 0.06, order)
    elif body.hair_style == "ponytail":
        sketch.add("hair", "ball", ((0, forward - 0.05, 0.965), (0, forward - 0.075, 0.82)), 0.022, order)
    elif body.hair_style == "bun":
        sketch.add("hair", "ball", ((0, forward - 0.045, 1.012), (0, forward - 0.055, 0.945)), 0.03, order)
