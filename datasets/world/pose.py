"""The moment and the view of a walk, and the flat parts that a body becomes.

The body frame is (left, forward, up) with the sole at 0 and the crown at 1. The picture frame is (right, up) in the
same unit. Heading 0 faces the camera, 90 degrees walks to the right of the picture.
"""

from dataclasses import dataclass
from math import cos, sin
from typing import NamedTuple

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


class Sketch:
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

    def add(
        self, surface: str, shape: str, ends: tuple[Point, Point], half_width: float, order: tuple[float, float]
    ) -> None:
        """Add a part.

        Args:
            surface: whose texture it shows.
            shape: its outline.
            ends: its two ends, in the body frame.
            half_width: of the widest place seen from the front.
            order: how much its depth counts for the order of painting, and a constant on top.
        """
        right0, up0, toward0 = self.project(ends[0])
        right1, up1, toward1 = self.project(ends[1])
        nearness = order[0] * (toward0 + toward1) / 2 + order[1]
        self.parts.append(Part(surface, shape, (right0, up0), (right1, up1), half_width, nearness))
