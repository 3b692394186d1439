"""Slow twins of the world's geometry: a pinhole by rotation matrices, an elliptic cylinder by walking around it."""

import math


def project_ground_point(point, *, height, pitch, focal, frame):
    """Project (metres right, metres ahead) on the ground by turning the camera's axes and dividing by depth."""
    right, ahead = point
    relative = (right, -height, ahead)
    axis_down = (0.0, -math.cos(pitch), -math.sin(pitch))
    axis_ahead = (0.0, -math.sin(pitch), math.cos(pitch))
    depth = sum(a * b for a, b in zip(relative, axis_ahead, strict=True))
    down = sum(a * b for a, b in zip(relative, axis_down, strict=True))
    return frame[1] / 2 + focal * right / depth, frame[0] / 2 + focal * down / depth


def ellipse_seen(across, along, heading, *, steps=20_000):
    """Walk around an ellipse (half-axes left-right, front-back) turned by a heading.

    Returns the half-width of its picture, and the parameter angle of the point nearest to the camera in its middle.
    """
    widest, middle = 0.0, None
    for step in range(steps):
        angle = -math.pi + 2 * math.pi * step / steps
        left, forward = across * math.sin(angle), along * math.cos(angle)
        right = left * math.cos(heading) + forward * math.sin(heading)
        toward = forward * math.cos(heading) - left * math.sin(heading)
        widest = max(widest, abs(right))
        if toward > 0 and (middle is None or abs(right) < middle[0]):
            middle = (abs(right), angle)
    return widest, middle[1]
