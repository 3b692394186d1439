"""Street frames of the procedural world as a data set: other people at other times before the same cameras."""

import hashlib
import json
from dataclasses import asdict
from functools import partial

import numpy as np

from datasets.frame_records import FrameData, FrameSample
from datasets.world.domains import domain_by_name
from datasets.world.frames.boxes import boxes_of
from datasets.world.frames.moment import moment_of
from datasets.world.frames.render import render_frame
from datasets.world.frames.street import SPLITS, Street, make_street
from pipeline.errors import DataError

FRAMES_VERSION = 1
FRAMES_PER_SECOND = 25
# Far enough apart that people have moved on, near enough that most of them are seen twice.
SECONDS_BETWEEN = 6.0
_TEST_STARTS = 86_400.0
_MEMO_BYTES = 256 * 2**20


class WorldFrames:
    """Draws the frames of a listing on demand and remembers the first ones, up to a quarter of a gigabyte.

    Args:
        streets: what each camera looks at, by the camera's name.
        split: "train" or "test".
        size: height and width of a frame, pixels.
    """

    def __init__(self, streets: dict[str, Street], *, split: str, size: tuple[int, int]) -> None:
        self._streets, self._split, self._size = streets, split, size
        self._memo: dict[str, np.ndarray] = {}

    def load(self, sample: FrameSample) -> np.ndarray:
        """Return the frame of a sample, (H, W, 3) uint8 RGB.

        Raises:
            DataError: the sample is not in this listing.
        """
        if sample.path in self._memo:
            return self._memo[sample.path].copy()
        street = self._streets.get(str(sample.camera_id))
        if street is None or sample.frame is None or sample.path != _name(street, sample.frame):
            raise DataError(f"the streets have no frame {sample.path!r}", "a path of this listing")
        moment = moment_of(street, self._split, sample.frame / FRAMES_PER_SECOND)
        image = render_frame(moment, self._size)
        if (len(self._memo) + 1) * image.nbytes <= _MEMO_BYTES:
            self._memo[sample.path] = image.copy()
        return image

    def __getstate__(self) -> dict[str, object]:
        """Leave the remembered frames behind when going to another process."""
        return {**self.__dict__, "_memo": {}}


def read_world_frames(
    domain: str,
    seed: int = 0,
    *,
    split: str = "train",
    cameras: int = 4,
    frames: int = 60,
    size: tuple[int, int] = (192, 320),
    labelled: bool = True,
) -> FrameData:
    """Return street frames of a domain.

    Args:
        domain: a named domain, or "random-<number>".
        seed: of the domain's people and cameras, the ones of the crops.
        split: "train" shows people with odd numbers, "test" those with even ones on another day.
        cameras: number of cameras.
        frames: frames per camera, six seconds apart.
        size: height and width of a frame, pixels; the scene is the same in every size of the same proportions.
        labelled: whether the boxes are there.

    Raises:
        DataError: unknown domain or split, or a number out of range.
    """
    place = domain_by_name(domain)
    _check(split, cameras, frames, size)
    streets = {str(number): make_street(place, seed, number) for number in range(1, cameras + 1)}
    start = round((_TEST_STARTS if split == "test" else 0.0) * FRAMES_PER_SECOND)
    steps = [start + round(step * SECONDS_BETWEEN * FRAMES_PER_SECOND) for step in range(frames)]
    sample = partial(_sample, split=split, size=size, labelled=labelled)
    samples = [sample(street, frame) for street in streets.values() for frame in steps]
    images = WorldFrames(streets, split=split, size=size)
    parameters = {"split": split, "cameras": cameras, "frames": frames, "labelled": labelled, "size": list(size)}
    everything = {"version": FRAMES_VERSION, "domain": asdict(place), "seed": seed, **parameters}
    everything["streets"] = asdict(streets["1"].traits)
    digest = hashlib.sha256(json.dumps(everything, sort_keys=True).encode()).hexdigest()
    ordered = tuple(sorted(samples, key=lambda entry: entry.path))
    return FrameData(f"{domain}:{seed}/{split}", ordered, images.load, digest)


def _name(street: Street, frame: int) -> str:
    """Return the name of a frame."""
    return f"c{street.number:02d}_{frame:07d}.jpg"


def _sample(street: Street, frame: int, *, split: str, size: tuple[int, int], labelled: bool) -> FrameSample:
    """Return the record of one frame."""
    moment = moment_of(street, split, frame / FRAMES_PER_SECOND) if labelled else None
    boxes = boxes_of(moment, size) if moment is not None else None
    return FrameSample(_name(street, frame), size, str(street.number), street.domain.name, frame, boxes)


def _check(split: str, cameras: int, frames: int, size: tuple[int, int]) -> None:
    """Refuse values that give no usable data set."""
    if split not in SPLITS:
        raise DataError(f"the streets have no split {split!r}", "'train' or 'test'")
    for name, value, least, most in (
        ("cameras", cameras, 1, 99),
        ("frames", frames, 1, 10_000),
        ("height", size[0], 48, 1080),
        ("width", size[1], 48, 1920),
    ):
        if not least <= value <= most:
            raise DataError(f"{name} = {value} is out of range", f"a number from {least} to {most}")
