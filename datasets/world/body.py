"""Geometry of a walking person: from gait phase and heading to flat parts ordered from far to near."""

from datasets.world.limbs import add_arm, add_legs
from datasets.world.people import Outfit, Person
from datasets.world.pose import Part, Point, Pose, Sketch, View
from datasets.world.trunk import add_head, add_trunk


def posed_parts(person: Person, pose: Pose, view: View) -> list[Part]:
    """Return the parts of a posed person, the farthest first.

    Args:
        person: who.
        pose: the moment of the walk.
        view: from where.
    """
    sketch = Sketch(view)
    hip_height = add_legs(sketch, person, pose)
    neck = (0.0, pose.lean, 0.83)
    add_trunk(sketch, person, hip_height, neck)
    hands = {side: add_arm(sketch, person, pose, side) for side in (1, -1)}
    add_head(sketch, person, neck)
    _add_bag(sketch, person.outfit, hip_height, hands[person.outfit.bag_side])
    return sorted(sketch.parts, key=lambda part: part.nearness)


def _add_bag(sketch: Sketch, outfit: Outfit, hip_height: float, hand: Point) -> None:
    """Add what is carried."""
    side = outfit.bag_side
    if outfit.bag == "backpack":
        sketch.add("bag", "pack", ((0, -0.098, 0.82), (0, -0.108, 0.575)), 0.092, (1.5, -0.003))
    elif outfit.bag == "handbag":
        low = (hand[0] + side * 0.012, hand[1], hand[2] - 0.05)
        sketch.add("strap", "forearm", (hand, low), 0.012, (1.0, 0.011))
        sketch.add("bag", "purse", (low, (low[0], low[1], low[2] - 0.125)), 0.07, (1.0, 0.012))
    elif outfit.bag == "messenger":
        left = side * 0.125
        sketch.add("bag", "purse", ((left, 0.0, hip_height + 0.075), (left, 0.0, hip_height - 0.07)), 0.08, (1.0, 0.01))
    elif outfit.bag == "suitcase":
        corner = (hand[0] + side * 0.02, -0.17, 0.3)
        sketch.add("strap", "forearm", (hand, corner), 0.008, (1.0, -0.01))
        sketch.add("bag", "case", (corner, (corner[0], -0.17, 0.015)), 0.095, (1.0, -0.012))
