"""Reader for the true tracks of several cameras, MOTChallenge sequences of which no image has to be there."""

import configparser
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasets.box_rows import BoxRow
from datasets.frame_text import read_text
from datasets.mot import CLASSES, PEDESTRIAN, parse_gt
from datasets.records import normalise_camera_name
from pipeline.errors import DataError


@dataclass(frozen=True)
class MotTracks:
    """True boxes of the people before several cameras, by camera and frame.

    Args:
        cameras: C normalised names of the sequences.
        rates: frames a second of each.
        rows: (N,) int64 position of each box's camera.
        frames: (N,) int64 numbers of frames, from 0.
        boxes: (N, 4) float64 xyxy in pixels that count from 0.
        persons: (N,) int64, one number for a person at all cameras.
        counts: (N,) bool; False for who need not be found.
    """

    cameras: tuple[str, ...]
    rates: tuple[float, ...]
    rows: np.ndarray
    frames: np.ndarray
    boxes: np.ndarray
    persons: np.ndarray
    counts: np.ndarray


def read_mot_tracks(root: str) -> MotTracks:
    """Read gt/gt.txt of every sequence; figures that are no pedestrians are left out.

    Args:
        root: folder that holds the sequences' folders, each with seqinfo.ini and gt/gt.txt.

    Raises:
        DataError: there is no sequence, a file has another form, or two sequences are one camera.
    """
    folders = sorted(path.parent for path in Path(root).expanduser().glob("*/seqinfo.ini"))
    if not folders:
        raise DataError(f"{root!r} holds no sequence", "folders with seqinfo.ini and gt/gt.txt")
    cameras = [normalise_camera_name(folder.name) for folder in folders]
    if len(set(cameras)) < len(cameras):
        raise DataError(f"{root!r} has two sequences for one camera: {', '.join(cameras)}", "one a camera")
    found: list[tuple[int, int, BoxRow]] = []
    for position, folder in enumerate(folders):
        path = folder / "gt" / "gt.txt"
        frames, _ = parse_gt(read_text(path, expected="the true boxes of a sequence"), place=str(path))
        found += [(position, frame - 1, row) for frame, rows in sorted(frames.items()) for row in rows]
    rates = tuple(_rate(folder / "seqinfo.ini") for folder in folders)
    return _table(tuple(cameras), rates, [entry for entry in found if entry[2].category == CLASSES[PEDESTRIAN]])


def _table(cameras: tuple[str, ...], rates: tuple[float, ...], found: Sequence[tuple[int, int, BoxRow]]) -> MotTracks:
    return MotTracks(
        cameras=cameras,
        rates=rates,
        rows=np.array([camera for camera, _, _ in found], np.int64),
        frames=np.array([frame for _, frame, _ in found], np.int64),
        boxes=np.array([row.box for _, _, row in found], np.float64).reshape(-1, 4),
        persons=np.array([row.person_id for _, _, row in found], np.int64),
        counts=np.array([not row.ignore for _, _, row in found], bool),
    )


def _rate(path: Path) -> float:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(read_text(path, expected="seqinfo.ini of a MOT sequence"))
        rate = parser["Sequence"].getfloat("frameRate", fallback=0.0)
    except (configparser.Error, KeyError, ValueError) as error:
        raise DataError(f"{str(path)!r} has another form", "a section [Sequence] with a frameRate") from error
    if not rate > 0:
        raise DataError(f"{str(path)!r} has the frameRate {rate:g}", "frames a second, above 0")
    return rate
