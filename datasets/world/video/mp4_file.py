"""Writing H.264 files of constant frame rate."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream

from datasets.world.video.complete_file import complete_file
from pipeline.errors import DataError

# Hardly any loss that the eye sees; about 30 KB a second for a street of 192 x 320 pixels.
_OPTIONS = {"preset": "veryfast", "crf": "19"}


@contextmanager
def mp4_file(path: Path, *, size: tuple[int, int], fps: int) -> Iterator[Callable[[np.ndarray], None]]:
    """Yield a function that appends a frame, (H, W, 3) uint8 RGB; the file has its name when the block has ended.

    Args:
        path: the file; its folder exists.
        size: height and width of a frame, even numbers of pixels.
        fps: frames a second.

    Raises:
        DataError: the file cannot be written.
    """
    with complete_file(path) as part, _errors_in_words(path), av.open(str(part), "w", format="mp4") as container:
        stream: VideoStream = container.add_stream("libx264", rate=fps, options=_OPTIONS)
        stream.height, stream.width = size
        stream.pix_fmt = "yuv420p"
        # Several threads cut the picture into slices, so that the bytes would depend on the machine.
        stream.codec_context.thread_count = 1
        numbers = count()

        def append(image: np.ndarray) -> None:
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = next(numbers)
            container.mux(stream.encode(frame))

        yield append
        container.mux(stream.encode(None))


@contextmanager
def _errors_in_words(path: Path) -> Iterator[None]:
    try:
        yield
    except av.FFmpegError as error:
        raise DataError(f"{str(path)!r} cannot be written ({error.strerror})") from error
