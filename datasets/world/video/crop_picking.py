"""A few crops of everybody who passes a camera, cut out of the frames with the true boxes."""

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

from datasets.world.video.recording import Shot

# Parts of the body and of the frame's height, under which a crop says little about who it shows.
LEAST_VISIBLE, LEAST_HEIGHT = 0.6, 0.15
# Somebody who was hidden for longer begins a new tracklet.
_LONGEST_GAP_SECONDS = 2.0
_THUMBNAIL = (8, 16)


class Crop(NamedTuple):
    """One crop.

    Args:
        person: number of the person.
        frame: number of its frame.
        image: (h, w, 3) uint8 RGB.
        clearness: visible part of the body times the box's height, pixels.
    """

    person: int
    frame: int
    image: np.ndarray
    clearness: float


class CropPicker:
    """Cuts candidates out of frames and hands over the best ones of each tracklet when it is over.

    Args:
        shots: crops to keep of each tracklet.
        fps: frames a second.
    """

    def __init__(self, *, shots: int, fps: int) -> None:
        self._shots, self._gap = shots, _LONGEST_GAP_SECONDS * fps
        self._open: dict[int, list[Crop]] = {}

    def add(self, shot: Shot) -> Iterator[list[Crop]]:
        """Take the candidates of a frame; yields the crops of each tracklet that has ended."""
        for person in [p for p, crops in self._open.items() if shot.number - crops[-1].frame > self._gap]:
            yield pick_diverse(self._open.pop(person), self._shots)
        for crop in crops_of(shot):
            self._open.setdefault(crop.person, []).append(crop)

    def finish(self) -> Iterator[list[Crop]]:
        """Yield the crops of the tracklets that the recording's end cuts off."""
        for crops in self._open.values():
            yield pick_diverse(crops, self._shots)
        self._open.clear()


def crops_of(shot: Shot) -> Iterator[Crop]:
    """Yield the crops of the people on a frame who can be seen well enough."""
    height, width = shot.image.shape[:2]
    marks = shot.boxes
    for box, ratio, person, is_ignored in zip(
        marks.boxes, marks.visible_ratio, marks.person_ids, marks.ignore, strict=True
    ):
        tall = float(box[3] - box[1])
        if is_ignored or person < 0 or ratio < LEAST_VISIBLE or tall < LEAST_HEIGHT * height:
            continue
        left, top = max(0, round(float(box[0]))), max(0, round(float(box[1])))
        right, bottom = min(width, round(float(box[2]))), min(height, round(float(box[3])))
        yield Crop(int(person), shot.number, shot.image[top:bottom, left:right].copy(), float(ratio) * tall)


def pick_diverse(crops: list[Crop], count: int) -> list[Crop]:
    """Return the clearest crop, then again and again the one that differs most from all that are chosen.

    Args:
        crops: of one tracklet, one at least.
        count: how many to return; fewer where there are fewer.
    """
    looks = np.stack([cv2.resize(crop.image, _THUMBNAIL, interpolation=cv2.INTER_AREA).ravel() for crop in crops])
    looks = looks.astype(np.float32)
    chosen = [max(range(len(crops)), key=lambda index: (crops[index].clearness, -index))]
    nearest = np.abs(looks - looks[chosen[0]]).mean(axis=1)
    while len(chosen) < min(count, len(crops)):
        nearest[chosen] = -1.0
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, np.abs(looks - looks[chosen[-1]]).mean(axis=1))
    return [crops[index] for index in chosen]
