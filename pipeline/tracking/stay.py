"""What is remembered of a track while it lasts: how far it has come, and the crops so far."""

from collections import deque
from dataclasses import dataclass, field

import numpy as np

_SMOOTHED = 3  # boxes over whose mean a track's place is taken, so that one that jumps once has not travelled


@dataclass(frozen=True)
class Crop:
    """One picture of a person.

    Args:
        frame: number of the frame.
        seconds: when it was filmed.
        box: (4,) float32 xyxy in pixels of the frame.
        score: of the detection.
        pixels: (h, w, 3) uint8 RGB.
    """

    frame: int
    seconds: float
    box: np.ndarray
    score: float
    pixels: np.ndarray


@dataclass
class Road:
    """How far a track has come.

    Args:
        frames: in which it was seen.
        start: x and y of the centre and height of the first boxes, their mean, in pixels.
        latest: the same of the latest boxes, each.
        travel: largest distance of the latest place from the start so far, in heights.
    """

    frames: int = 0
    start: np.ndarray = field(default_factory=lambda: np.zeros(3))
    latest: deque[np.ndarray] = field(default_factory=lambda: deque(maxlen=_SMOOTHED))
    travel: float = 0.0

    def move(self, box: np.ndarray) -> None:
        """Note where the person is, and how far from where the track began: centre and height, in heights."""
        x1, y1, x2, y2 = box.astype(np.float64)
        self.frames += 1
        self.latest.append(np.array([(x1 + x2) / 2, (y1 + y2) / 2, y2 - y1]))
        place = np.mean(self.latest, axis=0)
        if self.frames <= _SMOOTHED:
            self.start = place
        self.travel = max(self.travel, float(np.linalg.norm(place - self.start)) / place[2])


@dataclass
class Stay:
    """What becomes one tracklet: a part of a track, or all of it; the three lists go together.

    Args:
        frames: in which the person was seen.
        looked: seconds of the latest crop.
        crops: gathered so far.
        sharpness: of each crop.
        descriptors: of each crop.
    """

    frames: int = 0
    looked: float = -np.inf
    crops: list[Crop] = field(default_factory=list)
    sharpness: list[float] = field(default_factory=list)
    descriptors: list[np.ndarray] = field(default_factory=list)

    def remove(self, position: int) -> None:
        """Forget one of the crops."""
        for column in (self.crops, self.sharpness, self.descriptors):
            del column[position]
