"""Follow people through the frames of one fixed camera by where their boxes are; what they look like is not asked.

    tracker = Tracker()
    for each frame:
        for person in tracker.update(boxes, scores, seconds):
            person.track_number, person.box, person.score
        tracker.open_tracks        # numbers that may still come back; all others are over

One Tracker a camera. Times may be irregular; a time that goes back, or a gap of more than `lost_seconds`, ends all
tracks.
"""

from dataclasses import dataclass, replace

import numpy as np

from pipeline.tracking.association import best_pairs, overlaps
from pipeline.tracking.motion import Motion, advance, begin, boxes_of, correct, margins


@dataclass(frozen=True)
class Tracked:
    """One person of a frame.

    Args:
        track_number: 1, 2, 3 ... in the order in which tracks were confirmed; never used again.
        box: (4,) float32 xyxy, the detection itself.
        score: of the detection.
    """

    track_number: int
    box: np.ndarray
    score: float


@dataclass(frozen=True)
class _Tracks:
    """All tracks of this moment; `numbers` is 0 until a track is confirmed, `is_fresh` says seen in the last frame."""

    motion: Motion
    numbers: np.ndarray
    hits: np.ndarray
    seen: np.ndarray
    is_fresh: np.ndarray

    def take(self, rows: np.ndarray) -> "_Tracks":
        columns = (self.numbers[rows], self.hits[rows], self.seen[rows], self.is_fresh[rows])
        return _Tracks(self.motion.take(rows), *columns)


class Tracker:
    """Joins the detections of successive frames to tracks, sure detections first, doubtful ones only to what is known.

    In each frame, by overlap with where the filter expects each track, boxes grown by how uncertain that is (which is
    what keeps people together at two frames a second): 1. confirmed tracks take detections of at least
    `high`; 2. those left over that were seen in the last frame take detections of at least `low`; 3. tracks that are
    not confirmed yet take what is left of the sure ones, or end. What remains, of at least `birth`, begins a track.
    The order in which detections are given changes nothing.

    Args:
        high: least score of a detection that is believed on its own.
        low: least score of one that only continues a track.
        birth: least score of one that begins a track.
        hits: frames in a row in which a track is seen before it is confirmed.
        lost_seconds: how long a confirmed track that nobody sees is kept.
        overlap: IoU that a sure detection has to exceed.
        doubtful_overlap: IoU that a doubtful detection has to exceed.
        new_overlap: IoU with a track that is not confirmed yet.

    Reference:
        Zhang et al., ByteTrack: Multi-Object Tracking by Associating Every Detection Box, ECCV 2022. A
        re-implementation; ours differs: time in seconds in place of frames (filter, lost tracks), boxes grow before
        they are compared (after C-BIoU, see `overlaps`), overlaps are not multiplied by scores, tracks that run onto
        each other are not merged, the height of a lost track goes on changing, and no track begins confirmed in the
        first frame.
    """

    def __init__(
        self,
        *,
        high: float = 0.6,
        low: float = 0.1,
        birth: float = 0.7,
        hits: int = 2,
        lost_seconds: float = 1.0,
        overlap: float = 0.2,
        doubtful_overlap: float = 0.5,
        new_overlap: float = 0.3,
    ) -> None:
        assert low <= high <= birth, f"scores low {low} <= high {high} <= birth {birth}"
        assert hits >= 1, f"hits {hits}"
        assert lost_seconds >= 0, f"lost_seconds {lost_seconds}"
        self._high, self._low, self._birth = high, low, birth
        self._hits, self._lost_seconds = hits, lost_seconds
        self._gates = (overlap, doubtful_overlap, new_overlap)
        self._seconds = 0.0
        self._next_number = 1
        self._tracks = _begin(np.zeros((0, 4)), 0.0)

    @property
    def open_tracks(self) -> tuple[int, ...]:
        """Return the numbers of confirmed tracks that may still be seen again, ascending."""
        return tuple(sorted(self._tracks.numbers[self._tracks.numbers > 0].tolist()))

    def update(self, boxes: np.ndarray, scores: np.ndarray, seconds: float) -> list[Tracked]:
        """Return who is seen in the next frame, by ascending track number.

        Args:
            boxes: (N, 4) xyxy in pixels; those without area or not finite are left out.
            scores: (N,) in 0..1.
            seconds: when the frame was taken.
        """
        boxes, scores = _in_order(boxes, scores)
        tracks = self._advance(seconds)
        partners = self._match(tracks, boxes, scores)
        kept = (partners >= 0) | (tracks.numbers > 0)
        tracks, partners = tracks.take(kept), partners[kept]
        is_birth = scores >= self._birth
        is_birth[partners[partners >= 0]] = False
        born = _begin(boxes[is_birth], seconds)
        self._tracks = self._confirm(_join(_look(tracks, boxes, partners, seconds), born))
        partners = np.concatenate([partners, np.flatnonzero(is_birth)])
        numbers = self._tracks.numbers
        rows = [row for row in np.argsort(numbers, kind="stable") if numbers[row] > 0 and partners[row] >= 0]
        return [Tracked(int(numbers[r]), boxes[partners[r]], float(scores[partners[r]])) for r in rows]

    def _advance(self, seconds: float) -> _Tracks:
        step, self._seconds = seconds - self._seconds, seconds
        is_alive = (seconds - self._tracks.seen <= self._lost_seconds) & (step >= 0)
        tracks = self._tracks.take(is_alive)
        return replace(tracks, motion=advance(tracks.motion, step)) if len(tracks.numbers) else tracks

    def _match(self, tracks: _Tracks, boxes: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """Return the (N,) position of each track's detection, -1 where it has none."""
        partners = np.full(len(tracks.numbers), -1, np.int64)
        shared = overlaps(boxes_of(tracks.motion), boxes, margins(tracks.motion))
        is_free = np.ones(len(scores), bool)
        is_sure, is_confirmed = scores >= self._high, tracks.numbers > 0
        rounds = (
            (is_confirmed, is_sure),
            (is_confirmed & tracks.is_fresh, ~is_sure & (scores >= self._low)),
            (~is_confirmed, is_sure),
        )
        for (waiting, offered), least in zip(rounds, self._gates, strict=True):
            rows, columns = np.flatnonzero(waiting & (partners < 0)), np.flatnonzero(offered & is_free)
            chosen, taken = best_pairs(shared[np.ix_(rows, columns)], least)
            partners[rows[chosen]] = columns[taken]
            is_free[columns[taken]] = False
        return partners

    def _confirm(self, tracks: _Tracks) -> _Tracks:
        is_ready = (tracks.numbers == 0) & (tracks.hits >= self._hits)
        numbers, count = tracks.numbers.copy(), int(is_ready.sum())
        numbers[is_ready] = self._next_number + np.arange(count)
        self._next_number += count
        return replace(tracks, numbers=numbers)


def _in_order(boxes: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the usable boxes, best first and equally good ones by their place, so that their order means nothing."""
    corners, values = np.asarray(boxes, np.float32).reshape(-1, 4), np.asarray(scores, np.float64).reshape(-1)
    assert len(corners) == len(values), f"{len(corners)} boxes, {len(values)} scores"
    is_usable = np.isfinite(corners).all(axis=1) & np.isfinite(values)
    is_usable &= (corners[:, 2] > corners[:, 0]) & (corners[:, 3] > corners[:, 1])
    corners, values = corners[is_usable], values[is_usable]
    order = np.lexsort((*corners.T, -values))
    return corners[order], values[order]


def _begin(boxes: np.ndarray, seconds: float) -> _Tracks:
    count = len(boxes)
    hits, seen = np.ones(count, np.int64), np.full(count, seconds, np.float64)
    return _Tracks(begin(boxes), np.zeros(count, np.int64), hits, seen, np.ones(count, bool))


def _look(tracks: _Tracks, boxes: np.ndarray, partners: np.ndarray, seconds: float) -> _Tracks:
    """Correct the tracks that have a detection; the others wait where they are expected."""
    is_seen = partners >= 0
    corrected = correct(tracks.motion.take(is_seen), boxes[partners[is_seen]])
    motion = tracks.motion.put(is_seen, corrected)
    seen = np.where(is_seen, seconds, tracks.seen)
    return _Tracks(motion, tracks.numbers, tracks.hits + is_seen, seen, is_seen)


def _join(tracks: _Tracks, others: _Tracks) -> _Tracks:
    fields = ("numbers", "hits", "seen", "is_fresh")
    columns = (np.concatenate([getattr(tracks, name), getattr(others, name)]) for name in fields)
    return _Tracks(tracks.motion.join(others.motion), *columns)
