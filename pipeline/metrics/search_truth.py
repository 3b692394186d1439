"""Which tracklet shows whom, where somebody knows: from true tracks and cut tracklets to queries of person search."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.metrics.person_search import SearchQuery
from pipeline.metrics.stays import Passage, SeenBoxes
from pipeline.metrics.tracklet_purity import persons_of

NOBODY = -1


def shown_persons(crops: SeenBoxes, truth: SeenBoxes) -> np.ndarray:
    """Return (N,) int64 whom each box shows by an IoU of .5 or more, one-to-one in each frame; -1 = nobody.

    Args:
        crops: boxes of tracklets.
        truth: boxes of all people, those that need not be found among them.
    """
    found = np.full(len(crops), NOBODY, np.int64)
    there = _rows_by_frame(truth)
    for place, rows in _rows_by_frame(crops).items():
        true = np.array(there.get(place, []), np.int64)
        found[rows] = persons_of(crops.boxes[rows], truth.boxes[true], truth.names[true])
    return found


def owners_of(crops: SeenBoxes, persons: np.ndarray, count: int) -> np.ndarray:
    """Return (T,) int64 whom most crops of each tracklet show, -1 = nobody; ties go to the smaller number.

    Args:
        crops: boxes of tracklets, named 0..T-1.
        persons: (N,) int64 whom each shows.
        count: number of tracklets T.
    """
    votes: list[Counter[int]] = [Counter() for _ in range(count)]
    for tracklet, person in zip(crops.names.tolist(), persons.tolist(), strict=True):
        votes[tracklet][person] += 1
    return np.array([min(vote, key=lambda p: (-vote[p], p)) if vote else NOBODY for vote in votes], np.int64)


def passage_of_each(
    crops: SeenBoxes, owners: np.ndarray, passages: Sequence[Passage], rates: Sequence[float]
) -> np.ndarray:
    """Return (T,) int64 the stay of its owner that most of a tracklet's crops fall into; -1 = none that counts.

    Args:
        crops: boxes of tracklets, named 0..T-1.
        owners: (T,) whom each tracklet shows.
        passages: stays that count.
        rates: frames a second of each camera; crops may lie a second outside of the stay.
    """
    known = defaultdict(list)
    for number, passage in enumerate(passages):
        known[passage.camera, passage.person].append(number)
    votes: list[Counter[int]] = [Counter() for _ in owners]
    for camera, frame, tracklet in zip(
        crops.cameras.tolist(), crops.frames.tolist(), crops.names.tolist(), strict=True
    ):
        for number in known[camera, int(owners[tracklet])]:
            if passages[number].first - rates[camera] <= frame <= passages[number].last + rates[camera]:
                votes[tracklet][number] += 1
    return np.array([min(vote, key=lambda n: (-vote[n], n)) if vote else -1 for vote in votes], np.int64)


def _rows_by_frame(boxes: SeenBoxes) -> Mapping[tuple[int, int], list[int]]:
    rows: dict[tuple[int, int], list[int]] = {}
    for row, place in enumerate(zip(boxes.cameras.tolist(), boxes.frames.tolist(), strict=True)):
        rows.setdefault(place, []).append(row)
    return rows


@dataclass(frozen=True)
class KnownTracklets:
    """Tracklets with what is true of each.

    Args:
        cameras: (T,) int64 positions of cameras.
        owners: (T,) int64 whom each shows; -1 = nobody.
        scenes: (T,) int64 the owner's stay; -1 = none that counts.
        passages: all stays that count.
        purity: what `tracklet_scores` says of them; empty where nobody counted.
    """

    cameras: np.ndarray
    owners: np.ndarray
    scenes: np.ndarray
    passages: Sequence[Passage]
    purity: Mapping[str, float] = field(default_factory=dict)

    def query(self, person: int, camera: int, distances: np.ndarray) -> SearchQuery | None:
        """Return one person looked for at all cameras but one; None for who never stood before another.

        Tracklets of the person in a stay that does not count are neither right nor wrong.

        Args:
            person: who is on the query.
            camera: position of the camera that took the query.
            distances: (T,) from the query to every tracklet.
        """
        wanted = sum(stay.person == person and stay.camera != camera for stay in self.passages)
        if not wanted:
            return None
        is_match = self.owners == person
        kept = (self.cameras != camera) & ~(is_match & (self.scenes < 0))
        return SearchQuery(distances[kept], is_match[kept], self.scenes[kept], wanted)
