"""What one camera of a site records: its frames and their boxes, one after the other, in bounded memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from datasets.world.frames.boxes import boxes_of
from datasets.world.frames.moment import moment_with
from datasets.world.frames.render import render_frame
from datasets.world.frames.street import Street
from datasets.world.video.itineraries import Visit
from pipeline.detection_types import FrameBoxes

# `Visit` knows when people are in view within a quarter of a second.
_MARGIN_SECONDS = 0.5


class Shot(NamedTuple):
    """One frame.

    Args:
        number: in the recording, from 0.
        boxes: of people and of figures that are no people.
        image: (H, W, 3) uint8 RGB.
    """

    number: int
    boxes: FrameBoxes
    image: np.ndarray


@dataclass(frozen=True)
class Recording:
    """When a camera looks and how.

    Args:
        start: second of the shared clock at frame 0.
        frames: number of frames.
        fps: frames a second.
        stride: take every such frame only.
        size: height and width of a frame, pixels.
    """

    start: float
    frames: int
    fps: int
    stride: int
    size: tuple[int, int]

    @property
    def numbers(self) -> range:
        """Return the numbers of the frames that are taken."""
        return range(0, self.frames, self.stride)


def shots_of(street: Street, visits: Sequence[Visit], recording: Recording) -> Iterator[Shot]:
    """Yield the frames of a recording.

    Args:
        street: what the camera looks at.
        visits: who passes this camera, in the order of entering.
        recording: when it looks and how.
    """
    passing: list[Visit] = []
    coming = list(reversed(visits))
    for number in recording.numbers:
        seconds = recording.start + number / recording.fps
        while coming and coming[-1].enters - _MARGIN_SECONDS <= seconds:
            passing.append(coming.pop())
        passing = [visit for visit in passing if visit.leaves + _MARGIN_SECONDS >= seconds]
        moment = moment_with(street, [visit.walker for visit in passing], seconds)
        yield Shot(number, boxes_of(moment, recording.size), render_frame(moment, recording.size))
