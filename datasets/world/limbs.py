"""Legs and arms of a walking body: a gait in the sagittal plane, two segments each."""

from math import cos, hypot, pi, sin

from datasets.world.people import Person
from datasets.world.pose import Point, Pose, Sketch


def add_legs(sketch: Sketch, person: Person, pose: Pose) -> float:
    """Add both legs so that the lower foot stands on the ground.

    Args:
        sketch: gets the parts.
        person: who.
        pose: the moment of the walk.

    Returns:
        height of the hips.
    """
    body = person.body
    thigh, shin = 0.245 * body.leg_length, 0.235 * body.leg_length
    chains = []
    stride = pose.stride * (0.6 if person.outfit.lower == "long_skirt" else 1.0)
    for side in (1, -1):
        phase = pose.phase if side > 0 else pose.phase + pi
        swing = 0.03 + stride * sin(phase)
        knee_angle = swing - 0.06 - 2.0 * stride * max(0.0, cos(phase)) ** 2
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
        toward = 0.2 * (sketch.project(joint_h)[2] + 0.7 * sketch.project(joint_k)[2]) - 0.07
        sketch.add("thigh", "thigh", (joint_h, joint_k), 0.052 * wide * (0.5 + 0.5 * body.hips), (0.0, toward))
        sketch.add("shoe", "shoe", (heel, toe), 0.027, (0.0, toward + 0.001))
        sketch.add(boots, "shin", (joint_k, joint_a), 0.037 * wide, (0.0, toward + 0.002))
    return hip_height


def add_arm(sketch: Sketch, person: Person, pose: Pose, side: int) -> Point:
    """Add one arm.

    Args:
        sketch: gets the parts.
        person: who.
        pose: the moment of the walk.
        side: 1 left, -1 right.

    Returns:
        the hand, in the body frame.
    """
    body, outfit = person.body, person.outfit
    mode = pose.left_arm if side > 0 else pose.right_arm
    phase = pose.phase if side > 0 else pose.phase + pi
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
    sketch.add(
        "hand", "ball", ((wrist[0], wrist[1] - 0.01 * along[0], wrist[2] - 0.01 * along[1]), hand), 0.02, (1.0, 0.014)
    )
    sketch.add("forearm", "forearm", (elbow, wrist), 0.028 * wide, (1.0, 0.015))
    sketch.add("upper_arm", "upper_arm", (shoulder, elbow), 0.033 * wide, (1.0, 0.018))
    return hand
