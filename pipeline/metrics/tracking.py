"""How well tracks follow people: IDF1, and MOTA with its parts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from pipeline.metrics.detection.overlaps import intersection_over_union

LEAST_OVERLAP = 0.5


@dataclass(frozen=True)
class TrackedFrame:
    """Who is in one frame of one camera, and who was found there.

    Args:
        truth: (N, 4) xyxy boxes of people.
        persons: (N,) int64, who they are; at least 0.
        found: (M, 4) xyxy boxes of tracks.
        tracks: (M,) int64, the track that each belongs to; at least 0.
        ignore: (N,) bool, who need not be found, or None for nobody; what covers only them is left out.
    """

    truth: np.ndarray
    persons: np.ndarray
    found: np.ndarray
    tracks: np.ndarray
    ignore: np.ndarray | None = None

    def __post_init__(self) -> None:
        """Check the lengths."""
        assert self.truth.shape == (len(self.persons), 4), f"{self.truth.shape} boxes, {len(self.persons)} persons"
        assert self.found.shape == (len(self.tracks), 4), f"{self.found.shape} boxes, {len(self.tracks)} tracks"


def counted(frame: TrackedFrame) -> TrackedFrame:
    """Return the frame without people that need not be found, and without the boxes that were given to them.

    Args:
        frame: with or without such people; boxes go to all people by the best one-to-one choice first.

    Reference: Milan et al., MOT16: A Benchmark for Multi-Object Tracking, 2016.
    """
    if frame.ignore is None or not frame.ignore.any():
        return frame
    rows, columns = best_pairs(enough_overlaps(frame.truth, frame.found))
    is_kept = np.ones(len(frame.tracks), bool)
    is_kept[columns[frame.ignore[rows]]] = False
    chosen = ~frame.ignore
    return TrackedFrame(frame.truth[chosen], frame.persons[chosen], frame.found[is_kept], frame.tracks[is_kept])


def identity_scores(frames: Sequence[TrackedFrame]) -> dict[str, float]:
    """Compare tracks and people as wholes: each person is given one track at most, and each track one person.

    IDTP is the largest number of boxes that such a choice explains; IDP = IDTP / found, IDR = IDTP / truth,
    IDF1 = 2 IDTP / (found + truth).

    Args:
        frames: of one camera, in any order.

    Returns:
        idf1, idp and idr in 0..1; 1 where there is nothing to find and nothing was found, 0 where only one is so.

    Reference:
        Ristani et al., Performance Measures and a Data Set for Multi-Target, Multi-Camera Tracking, ECCVW 2016.
    """
    frames = [counted(frame) for frame in frames]
    truth, found = sum(len(f.persons) for f in frames), sum(len(f.tracks) for f in frames)
    together = _together(frames)
    explained = float(together[linear_sum_assignment(together, maximize=True)].sum())
    return {
        "idf1": _share(2 * explained, truth + found),
        "idp": _share(explained, found) if found or not truth else 0.0,
        "idr": _share(explained, truth) if truth or not found else 0.0,
    }


def clear_scores(frames: Sequence[TrackedFrame]) -> dict[str, float]:
    """Count misses, false boxes and switches frame by frame; a pair of the frame before is kept while it overlaps.

    MOTA = 1 - (misses + false boxes + switches) / truth. A switch is a person whose track is another than when last
    found.

    Args:
        frames: of one camera, in order of time.

    Returns:
        mota (at most 1; 0 without truth), misses, false_boxes, switches and truth.

    Reference: Bernardin and Stiefelhagen, Evaluating Multiple Object Tracking Performance, EURASIP 2008.
    """
    misses, false_boxes, switches, truth = 0, 0, 0, 0
    latest: dict[int, int] = {}
    previous: dict[int, int] = {}
    for frame in (counted(frame) for frame in frames):
        shared = enough_overlaps(frame.truth, frame.found)
        kept = np.array([previous.get(int(person), -1) for person in frame.persons], np.int64)
        # More than any sum of overlaps: pairs that go on come first, as the paper wants.
        bonus = (kept[:, None] == frame.tracks[None]) * (len(frame.persons) + 1.0)
        rows, columns = best_pairs(np.where(shared > 0, shared + bonus, 0.0))
        previous = dict(zip(frame.persons[rows].tolist(), frame.tracks[columns].tolist(), strict=True))
        switches += sum(latest.get(person, track) != track for person, track in previous.items())
        latest.update(previous)
        misses += len(frame.persons) - len(rows)
        false_boxes += len(frame.tracks) - len(rows)
        truth += len(frame.persons)
    mota = 1 - (misses + false_boxes + switches) / truth if truth else 0.0
    counts = {"misses": misses, "false_boxes": false_boxes, "switches": switches, "truth": truth}
    return {"mota": mota, **{name: float(count) for name, count in counts.items()}}


def enough_overlaps(truth: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Return the (N, M) intersections over union of (N, 4) and (M, 4) xyxy boxes; 0 below LEAST_OVERLAP."""
    shared = intersection_over_union(truth.reshape(-1, 4), found.reshape(-1, 4))
    return np.where(shared >= LEAST_OVERLAP, shared, 0.0)


def best_pairs(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and columns of the one-to-one choice among (N, M) values above 0 whose sum is largest."""
    rows, columns = linear_sum_assignment(values, maximize=True)
    chosen = values[rows, columns] > 0
    return rows[chosen], columns[chosen]


def _together(frames: Sequence[TrackedFrame]) -> np.ndarray:
    """Return in how many frames each person and each track overlap enough."""
    persons = np.unique(np.concatenate([np.zeros(0, np.int64), *(f.persons for f in frames)]))
    tracks = np.unique(np.concatenate([np.zeros(0, np.int64), *(f.tracks for f in frames)]))
    counts = np.zeros((len(persons), len(tracks)))
    for frame in frames:
        rows, columns = np.nonzero(enough_overlaps(frame.truth, frame.found))
        where = (np.searchsorted(persons, frame.persons[rows]), np.searchsorted(tracks, frame.tracks[columns]))
        np.add.at(counts, where, 1.0)
    return counts


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 1.0
