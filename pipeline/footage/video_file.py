"""Decodes one video with PyAV and survives what can be survived: damaged packets, wrong headers, odd timestamps."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame as DecodedFrame
from av.video.stream import VideoStream

from pipeline.errors import DataError
from pipeline.footage.clock import FrameClock
from pipeline.footage.upright import one_field, turned

logger = logging.getLogger(__name__)

_DEFAULT_RATE = 25.0
# A file that says nothing but errors for so long is over.
_MAX_ERRORS_IN_A_ROW = 200


@dataclass(frozen=True)
class TimedPicture:
    """A decoded picture that nobody has looked at yet.

    Args:
        seconds: since the first picture of its file.
        image: returns (H, W, 3) uint8 RGB; raises DataError where the pixels can't be had.
    """

    seconds: float
    image: Callable[[], np.ndarray]


def decode_video(path: Path, faults: Counter[str]) -> Iterator[TimedPicture]:
    """Yield the pictures of a video in the order in which they are shown.

    Headers are not believed: pictures are counted as they come, and rates are used where a timestamp is missing.

    Args:
        path: the file.
        faults: counts by reason what was survived; filled while pictures are taken.

    Raises:
        DataError: the file cannot be opened, has no video, or not one picture can be decoded.
    """
    count = 0
    with _opened(path) as container:
        stream = _video_stream(container, path)
        # Slices are put together in the same way each time; whole frames in parallel are not where packets are damaged.
        stream.thread_type = "SLICE"
        shape = float(stream.sample_aspect_ratio or 1)
        clock = FrameClock(1.0 / float(stream.average_rate or stream.guessed_rate or _DEFAULT_RATE), faults)
        for frame in _decoded(container, stream, faults):
            count += 1
            stamp = None if frame.pts is None or frame.time_base is None else float(frame.pts * frame.time_base)
            yield TimedPicture(clock.seconds(stamp), partial(_pixels, frame, path, shape))
    if not count:
        damaged = f" ({faults['packet that cannot be decoded']} damaged packets)" if faults else ""
        raise DataError(f"video {str(path)!r} has no picture that can be decoded{damaged}", "a recording")


@contextmanager
def _opened(path: Path) -> Iterator[InputContainer]:
    try:
        if not path.stat().st_size:
            raise DataError(f"video {str(path)!r} is empty (0 bytes)", "a recording", "The recorder may have stopped.")
        container = av.open(str(path), metadata_errors="replace")
    except (av.FFmpegError, OSError) as error:
        raise DataError(
            f"video {str(path)!r} cannot be opened ({error.strerror or error})", "a readable mp4, avi, mkv or mov",
            "An mp4 that was cut off before its index was written can be repaired with untrunc or recover_mp4.",
        ) from error  # fmt: skip
    with container:
        yield container


def _video_stream(container: InputContainer, path: Path) -> VideoStream:
    # The cover of a sound file is a stream of one picture.
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if streams:
        return streams[0]
    held = "only sound" if container.streams.audio else "no stream that can be read"
    raise DataError(f"{str(path)!r} has no video ({held})", "a recording with pictures")


def _decoded(container: InputContainer, stream: VideoStream, faults: Counter[str]) -> Iterator[DecodedFrame]:
    in_a_row = 0
    while in_a_row < _MAX_ERRORS_IN_A_ROW:
        try:
            # A generator that has raised is over; the container goes on behind the damage.
            for packet in container.demux(stream):
                frames = _frames(stream, packet, faults)
                in_a_row = 0 if frames else in_a_row
                yield from frames
            return
        except (av.FFmpegError, OSError) as error:
            in_a_row += 1
            faults["part that cannot be read"] += 1
            logger.debug("%s: %s", container.name, error)


def _frames(stream: VideoStream, packet: "av.Packet[VideoStream]", faults: Counter[str]) -> list[DecodedFrame]:
    try:
        frames = packet.decode()
    except (av.FFmpegError, ValueError) as error:
        faults["packet that cannot be decoded"] += 1
        logger.debug("packet at %s: %s", packet.pts, error)
        return []
    whole = [frame for frame in frames if not frame.is_corrupt]
    if len(whole) < len(frames):
        faults["picture with damaged parts"] += len(frames) - len(whole)
    return whole


def _pixels(frame: DecodedFrame, path: Path, shape: float) -> np.ndarray:
    try:
        # Recorders of analogue cameras store pixels that are not square: lines stay, so that fields do.
        image: np.ndarray = frame.to_ndarray(format="rgb24", width=max(1, round(frame.width * shape)))
    except (av.FFmpegError, ValueError) as error:
        raise DataError(f"a picture of {str(path)!r} cannot be converted to colours ({error})") from error
    if frame.interlaced_frame:
        image = one_field(image)
    return np.ascontiguousarray(turned(image, frame.rotation))
