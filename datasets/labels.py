"""Turn the ids, names and times of a sample list into the numbers that arrays need."""

import numpy as np

from datasets.records import ReIDData
from pipeline.errors import DataError


def class_labels(data: ReIDData) -> tuple[np.ndarray, tuple[int, ...]]:
    """Number the persons 0..C-1 in the order of their ids.

    Returns:
        (N,) int64 class of each sample, and the person id of each class.

    Raises:
        DataError: a sample has no person id.
    """
    if not data.is_labelled:
        raise DataError(f"{data.name} has samples without a person id", "labelled data")
    ids, labels = np.unique(np.array([s.person_id for s in data.samples], np.int64), return_inverse=True)
    return labels.reshape(-1).astype(np.int64), tuple(int(person) for person in ids)


def camera_indices(data: ReIDData) -> np.ndarray:
    """Return the (N,) int64 position of each sample's camera in `data.cameras`; -1 where unknown."""
    positions = {camera: index for index, camera in enumerate(data.cameras)}
    return np.array([-1 if s.camera_id is None else positions[s.camera_id] for s in data.samples], np.int64)


def tracklet_indices(data: ReIDData) -> np.ndarray:
    """Return the (N,) int64 number of each sample's tracklet, by first appearance; -1 where it is in none.

    A tracklet is named inside its camera: the same name in two cameras is two tracklets.
    """
    numbers: dict[tuple[str | None, str], int] = {}
    return np.array(
        [
            -1 if s.tracklet_id is None else numbers.setdefault((s.camera_id, s.tracklet_id), len(numbers))
            for s in data.samples
        ],
        np.int64,
    )


def capture_seconds(data: ReIDData) -> np.ndarray:
    """Return the (N,) float64 moment of each sample; NaN where unknown."""
    return np.array([np.nan if s.seconds is None else s.seconds for s in data.samples], np.float64)


def has_one_clock(data: ReIDData) -> bool:
    """Return whether the moments of all samples can be compared with one another.

    Args:
        data: crops of any number of cameras.
    """
    return len({sample.clock for sample in data.samples}) <= 1
