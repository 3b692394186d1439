"""Stays: from boxes in frames to who was before which camera from when to when."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SeenBoxes:
    """Boxes in the frames of several cameras, true ones or those of tracklets.

    Args:
        cameras: (N,) int64 positions of cameras.
        frames: (N,) int64 numbers of frames inside the camera's recording.
        boxes: (N, 4) xyxy in pixels.
        names: (N,) int64, the person or the tracklet.
    """

    cameras: np.ndarray
    frames: np.ndarray
    boxes: np.ndarray
    names: np.ndarray

    def __post_init__(self) -> None:
        """Check the lengths."""
        lengths = {len(self.cameras), len(self.frames), len(self.boxes), len(self.names)}
        assert len(lengths) == 1, f"columns differ in length: {sorted(lengths)}"

    def __len__(self) -> int:
        """Return the number of boxes."""
        return len(self.names)

    def take(self, rows: np.ndarray) -> "SeenBoxes":
        """Return some of the boxes, by positions or flags."""
        return SeenBoxes(self.cameras[rows], self.frames[rows], self.boxes[rows], self.names[rows])


@dataclass(frozen=True)
class Passage:
    """One person's stay before one camera.

    Args:
        camera: position of the camera.
        person: who.
        first: number of the first frame.
        last: number of the last frame.
    """

    camera: int
    person: int
    first: int
    last: int


def passages_of(
    truth: SeenBoxes, rates: Sequence[float], *, gap_seconds: float = 2.0, least_seconds: float = 1.0
) -> list[Passage]:
    """Join true boxes to stays.

    Args:
        truth: boxes of people who have to be found.
        rates: frames a second of each camera.
        gap_seconds: a longer absence begins a new stay.
        least_seconds: a stay with fewer true boxes than this lasts at the camera's rate is left out.

    Returns:
        stays by camera, person and time.
    """
    order = np.lexsort((truth.frames, truth.names, truth.cameras))
    stays: list[list[int]] = []
    for row in order.tolist():
        before = stays[-1][-1] if stays else None
        rate = rates[truth.cameras[row]]
        if (
            before is not None
            and (truth.cameras[before], truth.names[before]) == (truth.cameras[row], truth.names[row])
            and truth.frames[row] - truth.frames[before] <= gap_seconds * rate
        ):
            stays[-1].append(row)
        else:
            stays.append([row])
    return [_passage(truth, rows) for rows in stays if len(rows) >= least_seconds * rates[truth.cameras[rows[0]]]]


def _passage(truth: SeenBoxes, rows: Sequence[int]) -> Passage:
    camera, person, first = (int(column[rows[0]]) for column in (truth.cameras, truth.names, truth.frames))
    return Passage(camera, person, first, int(truth.frames[rows[-1]]))
