"""Follows the people of a camera through its footage, stretch by stretch, and writes what is cut out of each."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from pipeline.detection_types import Detections
from pipeline.errors import DataError
from pipeline.footage.reading import CameraReader, ReadingPlace
from pipeline.footage.records import FootageFile, VideoFrame
from pipeline.tracking.cutting import TrackletCutter
from pipeline.tracking.tracker import Tracker
from pipeline.tracking.tracklet_writer import TrackletWriter

logger = logging.getLogger(__name__)

Finder = Callable[[Sequence[np.ndarray]], Sequence[Detections]]


@dataclass(frozen=True)
class FollowPlan:
    """How people are followed.

    Args:
        rate: frames a second that are looked at.
        stretch: seconds after which all tracks end and a restart may go on; memory and lost work are bounded by it.
        batch: frames that the detector sees at once.
        tracker: keyword arguments of each Tracker.
        cutter: keyword arguments of each TrackletCutter.
    """

    rate: float
    stretch: float
    batch: int
    tracker: Mapping[str, Any] = field(default_factory=dict)
    cutter: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class _Stretch:
    """What is known of the stretch that is being followed."""

    number: int
    tracker: Tracker
    cutter: TrackletCutter


class CameraFollower:
    """Follows people with one detector and writes their tracklets.

    Args:
        find: returns who is seen on each of some frames, with confidences.
        plan: how people are followed.
        writer: takes the tracklets.
        on_stretch: called before the end of each stretch is noted.
    """

    def __init__(
        self, find: Finder, plan: FollowPlan, writer: TrackletWriter, *, on_stretch: Callable[[], None] = lambda: None
    ) -> None:
        self._find, self._plan, self._writer, self._on_stretch = find, plan, writer, on_stretch

    def follow(self, camera: str, files: Sequence[FootageFile]) -> Mapping[str, Any]:
        """Follow the people of one camera from where its last commit was to the end.

        Args:
            camera: its name.
            files: its recordings in the order of time.

        Returns:
            `seen` (frames looked at, boxes followed, stretches), what was `left_out` by reason, `faults` survived, and
            the `problem` where the camera could not be read.
        """
        done = self._writer.progress(camera)
        if done.is_complete:
            return done.notes
        place = ReadingPlace(**done.notes["place"]) if done.notes else None
        reader = CameraReader(files, rate=self._plan.rate, place=place)
        counts = {name: Counter(done.notes.get(name, {})) for name in ("seen", "left_out")}
        stretch, last, problem = None, done.frames - 1, ""
        try:
            for begins, frames in self._batches(reader, done.frames):
                number = self._stretch_of(frames[0])
                if stretch is None or stretch.number != number:
                    if stretch is not None:
                        self._end(camera, stretch, counts, reader)
                        self._writer.commit(camera, frames=frames[0].number, notes=_notes(counts, begins))
                    stretch = _Stretch(number, Tracker(**self._plan.tracker), TrackletCutter(**self._plan.cutter))
                self._look(camera, stretch, frames, counts["seen"])
                last = frames[-1].number
        except DataError as error:
            # Other cameras may be readable; who calls decides whether anything was.
            problem = str(error)
        self._end(camera, stretch, counts, reader)
        notes = _notes(counts, reader.place) | {"faults": dict(sorted(reader.faults.items())), "problem": problem}
        self._writer.commit(camera, frames=last + 1, is_complete=True, notes=notes)
        return self._writer.progress(camera).notes

    def _look(self, camera: str, stretch: _Stretch, frames: Sequence[VideoFrame], seen: Counter[str]) -> None:
        found = self._find([frame.image for frame in frames])
        for frame, people in zip(frames, found, strict=True):
            tracked = stretch.tracker.update(people.boxes, people.scores, frame.seconds)
            stretch.cutter.look(frame.image, tracked, frame=frame.number, seconds=frame.seconds)
            for tracklet in stretch.cutter.close(stretch.tracker.open_tracks):
                self._writer.add(camera, tracklet)
            seen.update(frames=1, boxes=len(tracked))

    def _end(
        self, camera: str, stretch: _Stretch | None, counts: Mapping[str, Counter[str]], reader: CameraReader
    ) -> None:
        """Close all tracks of a stretch."""
        if stretch is not None:
            for tracklet in stretch.cutter.close(()):
                self._writer.add(camera, tracklet)
            counts["left_out"].update(stretch.cutter.left_out)
        counts["seen"]["stretches"] += 1
        logger.info("camera %s: %d frames looked at, recording %d", camera, counts["seen"]["frames"], reader.place.file)
        self._on_stretch()

    def _stretch_of(self, frame: VideoFrame) -> int:
        return int(np.floor(frame.seconds / self._plan.stretch))

    def _batches(self, reader: CameraReader, first: int) -> Iterator[tuple[ReadingPlace, list[VideoFrame]]]:
        """Yield frames of one size and one stretch, so that what is found does not depend on where reading began.

        With them comes the place of their first frame: the reader is ahead of it, perhaps in another recording.
        """
        waiting: list[VideoFrame] = []
        begins = reader.place
        for frame in reader.frames(first):
            is_other = waiting and (
                self._stretch_of(frame) != self._stretch_of(waiting[0]) or frame.image.shape != waiting[0].image.shape
            )
            if is_other or len(waiting) == self._plan.batch:
                yield begins, waiting
                waiting = []
            if not waiting:
                begins = reader.place
            waiting.append(frame)
        if waiting:
            yield begins, waiting


def _notes(counts: Mapping[str, Counter[str]], place: ReadingPlace) -> dict[str, Any]:
    """Return what a restart needs, and what the summary tells."""
    plain = {name: dict(sorted(count.items())) for name, count in counts.items()}
    return {**plain, "place": asdict(place)}
