"""Geometry of a walking person: from gait phase and heading to flat parts ordered from far to near.

The body frame is (left, forward, up) with the sole at 0 and the crown at 1. The picture frame is (right, up) in the same
unit. Heading 0 faces the camera, 90 degrees walks to the right of the picture.
"""

from dataclasses import dataclass
from math import cos, hypot, sin
from typing import NamedTuple

import numpy as np

from datasets.world.people import Body, Outfit, Person

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Pose:
    """One moment of a walk.

    Args:
        phase: of the gait, radians; half a turn swaps the legs.
        stride: amplitude of the legs, radians; 0 stands.
        left_arm: "swing", "carry", "pocket" or "phone".
        right_arm: the same for the other arm.
        lean: forward displacement of the shoulders, part of the height.
    """

    phase: float
    stride: float
    left_arm: str = "swing"
    right_arm: str = "swing"
    lean: float = 0.01


@dataclass(frozen=True)
class View:
    """From where a person is seen.

    Args:
        heading: of the person, radians; 0 faces the camera.
        elevation: of the camera above the person's horizon, radians.
    """

    heading: float
    elevation: float


class Part(NamedTuple):
    """One flat piece of the picture.

    Args:
        surface: whose texture it shows.
        shape: its outline.
        top: (right, up) of the upper or inner end.
        bottom: (right, up) of the lower or outer end.
        half_width: of the widest place seen from the front.
        nearness: parts are painted in the order of this number.
    """

    surface: str
    shape: str
    top: tuple[float, float]
    bottom: tuple[float, float]
    half_width: float
    nearness: float


class _Scene:
    """Collects parts while projecting their ends."""

    def __init__(self, view: View) -> None:
        self._cos, self._sin = cos(view.heading), sin(view.heading)
        self._cos_up, self.sin_up = cos(view.elevation), sin(view.elevation)
        self.parts: list[Part] = []

    def project(self, point: Point) -> tuple[float, float, float]:
        """Return (right, up, toward the camera)."""
        left, forward, up = point
        toward = forward * self._cos - left * self._sin
        return left * self._cos + forward * self._sin, up * self._cos_up - toward * self.sin_up, toward

    def add(self, surface: str, shape: str, ends: tuple[Point, Point], half_width: float, order: tuple[float, float]) -> None:
        """Add a part; `order` is how much its depth counts and a constant on top."""
        right0, up0, toward0 = self.project(ends[0])
        right1, up1, toward1 = self.project(ends[1])
        nearness = order[0] * (toward0 + toward1) / 2 + order[1]
        self.parts.append(Part(surface, shape, (right0, up0), (right1, up1), half_width, nearness))


def posed_parts(person: Person, pose: Pose, view: View) -> list[Part]:
    """Return the parts of a posed person, the farthest first.

    Args:
        person: who.
        pose: the moment of the walk.
        view: from where.
    """
    scene = _Scene(view)
    hip_height = _legs(scene, person, pose)
    neck = (0.0, pose.lean, 0.83)
    _trunk(scene, person, hip_height, neck)
    hands = {side: _arm(scene, person, pose, side) for side in (1, -1)}
    _head(scene, person, neck)
    _bag(scene, person.outfit, hip_height, hands[person.outfit.bag_side])
    return sorted(scene.parts, key=lambda part: part.nearness)


def _legs(scene: _Scene, person: Person, pose: Pose) -> float:
    """Add both legs so that the lower foot stands on the ground; return the height of the hips."""
    body = person.body
    thigh, shin = 0.245 * body.leg_length, 0.235 * body.leg_length
    chains = []
    for side in (1, -1):
        phase = pose.phase if side > 0 else pose.phase + np.pi
        swing = 0.03 + pose.stride * sin(phase)
        knee_angle = swing - 0.06 - 2.0 * pose.stride * max(0.0, cos(phase)) ** 2
        knee = (thigh * sin(swing), -thigh * cos(swing))
        ankle = (knee[0] + shin * sin(knee_angle), knee[1] - shin * cos(knee_angle))
        pitch = min(0.9, max(-0.3, -0.9 * knee_angle - 0.15))
        chains.append((side, knee, ankle, pitch))
    hip_height = max(0.045 + max(0.0, 0.11 * sin(pitch) - 0.02) - ankle[1] for _, _, ankle, pitch in chains)
    wide = body.girth * (1.12 if person.outfit.lower in ("trousers", "jeans") else 0.95)
    boots = "boot" if person.outfit.has_boots else "shin"
    for side, knee, ankle, pitch in chains:
        left = side * 0.048 * body.hips
        joint_h = (left, 0.0, hip_height + 0.01)
        joint_k = (left * 0.95, knee[0], hip_height + knee[1])
        joint_a = (left * 0.85, ankle[0], hip_height + ankle[1])
        heel = (joint_a[0], ankle[0] - 0.032 * cos(pitch), joint_a[2] - 0.022 + 0.03 * sin(pitch))
        toe = (heel[0] + side * 0.02, heel[1] + 0.135 * cos(pitch), heel[2] - 0.135 * sin(pitch))
        toward = 0.2 * (scene.project(joint_h)[2] + 0.7 * scene.project(joint_k)[2]) - 0.07
        scene.add("thigh", "thigh", (joint_h, joint_k), 0.052 * wide * (0.5 + 0.5 * body.hips), (0.0, toward))
        scene.add("shoe", "shoe", (heel, toe), 0.027, (0.0, toward + 0.001))
        scene.add(boots, "shin", (joint_k, joint_a), 0.037 * wide, (0.0, toward + 0.002))
    return hip_height


def _trunk(scene: _Scene, person: Person, hip_height: float, neck: Point) -> None:
    """Add hips, skirt or coat tails, torso, neck and scarf."""
    body, outfit = person.body, person.outfit
    hips = 0.092 * body.hips * body.girth
    shoulders = 0.112 * body.girth * body.shoulders * (1.08 if outfit.upper in ("coat", "jacket", "hoodie") else 1.0)
    scene.add("hips", "hips", ((0, 0, hip_height + 0.07), (0, 0, hip_height - 0.05)), hips, (0.0, -0.02))
    tail = _tail_length(outfit, hip_height)
    if tail:
        flare = 1.12 if outfit.upper == "coat" else 1.3
        scene.add("tail", "skirt", ((0, 0, hip_height + 0.06), (0, 0, hip_height - tail)), hips * flare, (0.0, -0.01))
    hem = hip_height + (0.05 if outfit.upper in ("shirt", "dress") and tail else -0.035)
    scene.add("torso", f"torso_{_figure(body)}", ((0, neck[1], neck[2] + 0.012), (0, 0, hem)), shoulders, (0.0, 0.0))
    scene.add("neck", "neck", ((0, neck[1] + 0.014, 0.885), (0, neck[1], 0.815)), 0.031 * body.girth, (0.2, 0.001))
    if outfit.scarf_colour is not None:
        scene.add("scarf", "ball", ((0, neck[1] + 0.012, 0.875), (0, neck[1] + 0.012, 0.812)), 0.058, (0.0, 0.02))


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


def _arm(scene: _Scene, person: Person, pose: Pose, side: int) -> Point:
    """Add one arm; return its hand."""
    body, outfit = person.body, person.outfit
    mode = pose.left_arm if side > 0 else pose.right_arm
    phase = pose.phase if side > 0 else pose.phase + np.pi
    shoulder = (side * 0.098 * body.shoulders * body.girth, pose.lean, 0.797)
    swing, bend, out = -0.75 * pose.stride * sin(phase), 0.25 + 0.25 * pose.stride, 0.10
    if mode == "carry":
        swing, bend, out = 0.3 * swing, 0.08, 0.12
    elif mode == "pocket":
        swing, bend, out = -0.35, 0.75, 0.22
    elif mode == "phone":
        swing, bend, out = 0.25, 2.1, 0.12
    upper, fore = 0.165, 0.145
    elbow = (shoulder[0] + side * upper * out, shoulder[1] + upper * sin(swing), shoulder[2] - upper * cos(swing))
    reach = swing + bend
    inward = side * fore * (-0.35 if mode in ("phone", "pocket") else 0.0)
    wrist = (elbow[0] + inward, elbow[1] + fore * sin(reach), elbow[2] - fore * cos(reach))
    length = hypot(wrist[1] - elbow[1], wrist[2] - elbow[2]) or 1.0
    along = ((wrist[1] - elbow[1]) / length, (wrist[2] - elbow[2]) / length)
    hand = (wrist[0], wrist[1] + 0.045 * along[0], wrist[2] + 0.045 * along[1])
    wide = body.girth * (1.25 if outfit.upper in ("coat", "jacket", "hoodie") else 1.0)
    scene.add("hand", "ball", ((wrist[0], wrist[1] - 0.01 * along[0], wrist[2] - 0.01 * along[1]), hand), 0.02, (1.0, 0.014))
    scene.add("forearm", "forearm", (elbow, wrist), 0.028 * wide, (1.0, 0.015))
    scene.add("upper_arm", "upper_arm", (shoulder, elbow), 0.033 * wide, (1.0, 0.018))
    return hand


def _head(scene: _Scene, person: Person, neck: Point) -> None:
    """Add head, hair that hangs, and hat."""
    body, outfit = person.body, person.outfit
    forward = neck[1] + 0.016
    wrapped = outfit.hat in ("hood", "headscarf")
    size = 1.14 if wrapped else 1.0
    top, chin = (0.0, forward - 0.002, 1.0 + 0.008 * wrapped), (0.0, forward + 0.006, 0.866)
    scene.add("head", "head", (top, chin), 0.05 * size, (0.2, 0.08))
    if not wrapped:
        _hanging_hair(scene, body, forward)
    if outfit.hat in ("beanie", "cap", "sunhat"):
        scene.add("hat", "dome", ((0, forward - 0.004, 1.018), (0, forward - 0.004, 0.948)), 0.054, (0.2, 0.09))
    if outfit.hat == "cap":
        front = 0.13 * (1 if scene.project((0, 1, 0))[2] > -0.3 else 0.5)
        scene.add("brim", "ball", ((0, forward + 0.02, 0.962), (0, forward + front, 0.944)), 0.042, (0.4, 0.09))
    if outfit.hat == "sunhat":
        right, up, _ = scene.project((0, forward, 0.955))
        half = 0.012 + 0.1 * abs(scene.sin_up)
        scene.parts.append(Part("brim", "disc", (right, up + half), (right, up - half), 0.105, 0.085))


def _hanging_hair(scene: _Scene, body: Body, forward: float) -> None:
    """Add the hair that leaves the head's outline."""
    if body.hair_style in ("long", "bob"):
        end, back = (0.745, 0.055) if body.hair_style == "long" else (0.845, 0.03)
        scene.add("hair", "lock", ((0, forward - 0.012, 0.99), (0, forward - back, end)), 0.06, (3.0, 0.0))
    elif body.hair_style == "ponytail":
        scene.add("hair", "ball", ((0, forward - 0.05, 0.965), (0, forward - 0.075, 0.82)), 0.022, (3.0, 0.0))
    elif body.hair_style == "bun":
        scene.add("hair", "ball", ((0, forward - 0.045, 1.012), (0, forward - 0.055, 0.945)), 0.03, (3.0, 0.0))


def _bag(scene: _Scene, outfit: Outfit, hip_height: float, hand: Point) -> None:
    """Add what is carried."""
    side = outfit.bag_side
    if outfit.bag == "backpack":
        scene.add("bag", "pack", ((0, -0.098, 0.82), (0, -0.108, 0.575)), 0.092, (1.5, -0.003))
    elif outfit.bag == "handbag":
        low = (hand[0] + side * 0.012, hand[1], hand[2] - 0.05)
        scene.add("strap", "forearm", (hand, low), 0.012, (1.0, 0.011))
        scene.add("bag", "purse", (low, (low[0], low[1], low[2] - 0.125)), 0.07, (1.0, 0.012))
    elif outfit.bag == "messenger":
        left = side * 0.125
        scene.add("bag", "purse", ((left, 0.0, hip_height + 0.075), (left, 0.0, hip_height - 0.07)), 0.08, (1.0, 0.01))
    elif outfit.bag == "suitcase":
        corner = (hand[0] + side * 0.02, -0.17, 0.3)
        scene.add("strap", "forearm", (hand, corner), 0.008, (1.0, -0.01))
        scene.add("bag", "case", (corner, (corner[0], -0.17, 0.015)), 0.095, (1.0, -0.012))
