"""Frames of a recording, or of all recordings of a camera one after the other, at a rate and on one clock."""

import logging
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipeline.errors import DataError
from pipeline.footage.image_sequence import read_sequence
from pipeline.footage.records import FootageFile, VideoFrame
from pipeline.footage.video_file import TimedPicture, decode_video

logger = logging.getLogger(__name__)

# Timestamps are rounded: a frame that is so early still belongs to the next moment.
_ROUNDING_SECONDS = 1e-4
_NO_PIXELS = "picture without pixels"


@dataclass(frozen=True)
class ReadingPlace:
    """Where a camera's recording begins, as plain values that can be stored.

    Args:
        file: position of the recording.
        number: frames of the camera before it.
        ended: when the recording before it ended, on the camera's clock.
        moment: last moment of the wanted rate that a frame was taken for; None before the first frame.
        faults: what was survived before it, by reason, and pictures without pixels that were come upon since.
    """

    file: int = 0
    number: int = 0
    ended: float = 0.0
    moment: int | None = None
    faults: Mapping[str, int] = field(default_factory=dict)


class CameraReader:
    """Reads the recordings of one camera as if they were one.

    Args:
        files: in the order of time.
        rate: frames a second that are wanted; None takes all. The first frame of each 1/rate seconds is taken.
        place: where to begin.
    """

    def __init__(
        self, files: Sequence[FootageFile], *, rate: float | None = None, place: ReadingPlace | None = None
    ) -> None:
        self._files, self._rate = files, rate
        self._place = place or ReadingPlace()
        self.faults: Counter[str] = Counter(self._place.faults)
        self._number, self._ended, self._moment = self._place.number, self._place.ended, self._place.moment

    @property
    def place(self) -> ReadingPlace:
        """Return where the recording that is being read begins: reading can be taken up there."""
        # Whoever takes it up decodes what lies before the frame again, but converts none of it.
        without = {_NO_PIXELS: self.faults[_NO_PIXELS]} if _NO_PIXELS in self.faults else {}
        return replace(self._place, faults={**self._place.faults, **without})

    def frames(self, first: int = 0) -> Iterator[VideoFrame]:
        """Yield the wanted frames.

        A recording that cannot be read is left out and counted among the faults, unless it is a camera's only one.

        Args:
            first: frames with a smaller number are passed over without being converted.

        Raises:
            DataError: not one recording of the camera could be read.
        """
        problems: list[DataError] = []
        for position in range(self._place.file, len(self._files)):
            try:
                yield from self._of_file(self._files[position], first)
            except DataError as error:
                self.faults["recording that cannot be read"] += 1
                logger.warning("left out: %s", error)
                problems.append(error)
            self._place = ReadingPlace(position + 1, self._number, self._ended, self._moment, dict(self.faults))
        if problems and not self._number:
            raise problems[0]

    def _of_file(self, file: FootageFile, first: int) -> Iterator[VideoFrame]:
        began, interval, last = self._beginning(file), 1.0 / file.rate, 0.0
        for picture in _pictures(file, self.faults):
            number, seconds = self._number, began + picture.seconds
            interval, last = (picture.seconds - last or interval), picture.seconds
            self._number, self._ended = number + 1, seconds + interval
            if not self._is_wanted(seconds) or number < first:
                continue
            try:
                image = picture.image()
            except DataError as error:
                self.faults[_NO_PIXELS] += 1
                logger.debug("%s", error)
                continue
            yield VideoFrame(number, seconds, image)

    def _beginning(self, file: FootageFile) -> float:
        if file.start_seconds is None:
            return self._ended
        if self._number and file.start_seconds < self._ended:
            self.faults["recording that begins before the one before it ends"] += 1
            logger.warning("%s begins %.1f s too early", file.name, self._ended - file.start_seconds)
            return self._ended
        return file.start_seconds

    def _is_wanted(self, seconds: float) -> bool:
        if self._rate is None:
            return True
        moment = math.floor((seconds + _ROUNDING_SECONDS) * self._rate)
        if self._moment is not None and moment <= self._moment:
            return False
        self._moment = moment
        return True


def read_frames(path: Path, *, rate: float | None = None, sequence_rate: float = 25.0) -> Iterator[VideoFrame]:
    """Yield the frames of one recording.

    Args:
        path: a video, or a folder of images.
        rate: frames a second that are wanted; None takes all.
        sequence_rate: images a second, where it is a folder.

    Raises:
        DataError: it cannot be read.
    """
    yield from CameraReader([FootageFile(path, "", name=path.name, rate=sequence_rate)], rate=rate).frames()


def _pictures(file: FootageFile, faults: Counter[str]) -> Iterator[TimedPicture]:
    if file.path.is_dir():
        return read_sequence(file.path, rate=file.rate)
    return decode_video(file.path, faults)
