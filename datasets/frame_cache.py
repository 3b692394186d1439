"""Decode and scale every frame once, so that epochs and stages don't decode again."""

import logging
from dataclasses import dataclass

import numpy as np

from datasets.decoding import DEFAULT_LIMIT_BYTES, RecentEntries, decode_all, drop_unreadable, listing_key
from datasets.frame_boxes import scale_annotations
from datasets.frame_records import FrameData
from datasets.images import resize
from pipeline.detection_types import FrameBoxes
from pipeline.errors import DataError

logger = logging.getLogger(__name__)

MAX_FACTOR = 4.0
# (listing, size) -> pixels by position (None where loaded on demand), and the errors of unreadable frames.
_Entry = tuple[dict[int, np.ndarray] | None, dict[int, DataError]]
_remembered: RecentEntries[_Entry] = RecentEntries(
    lambda entry: sum(pixels.nbytes for pixels in (entry[0] or {}).values())
)


@dataclass(frozen=True)
class FrameCache:
    """The scaled frames of a data set, in memory or, where they would not fit, loaded one at a time.

    Args:
        data: the readable frames, boxes in their own pixels.
        size: height and width that no frame exceeds.
        factors: for each frame the length of one of its pixels after scaling.
        frames: (h, w, 3) uint8 pixels of each frame, or None where frames are loaded on demand.
    """

    data: FrameData
    size: tuple[int, int]
    factors: tuple[float, ...]
    frames: tuple[np.ndarray, ...] | None

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.data)

    def __getitem__(self, index: int) -> np.ndarray:
        """Return one scaled frame, (h, w, 3) uint8 RGB; not to be written to."""
        if self.frames is not None:
            return self.frames[index]
        sample = self.data.samples[index]
        return _scaled(self.data.load(sample), sample.size, sample.path, self.size)

    def truth(self) -> tuple[FrameBoxes, ...]:
        """Return the annotations of all frames in pixels of the scaled frames.

        Raises:
            DataError: a frame has no annotations.
        """
        found = [sample.annotations for sample in self.data.samples]
        labelled = [boxes for boxes in found if boxes is not None]
        if len(labelled) < len(found):
            raise DataError(f"{self.data.name} has frames without annotations", "labelled frames")
        return tuple(scale_annotations(b, factor) for b, factor in zip(labelled, self.factors, strict=True))


def load_frames(
    data: FrameData, *, size: tuple[int, int], limit_bytes: int = DEFAULT_LIMIT_BYTES, workers: int = 4
) -> tuple[FrameData, FrameCache]:
    """Decode all frames, drop those that cannot be read, and keep the pixels if they fit.

    Each frame is scaled by one factor so that it just fits into `size`, at most by 4. A second call in the same process
    with the same listing and size returns the first call's frames.

    Args:
        data: any data set.
        size: height and width that no frame exceeds afterwards.
        limit_bytes: above this size frames are loaded on demand.
        workers: number of decoding threads.

    Returns:
        the data without its unreadable frames (counted in `skipped`), boxes in their own pixels as an evaluation needs
        them, and the scaled frames in the same order.

    Raises:
        DataError: more than a fifth of the frames cannot be read.
    """
    key = (listing_key(data), size)
    entry = _remembered.get(key)
    if entry is None:
        entry = _decode(data, size=size, limit_bytes=limit_bytes, workers=workers)
        _remembered.put(key, entry, limit_bytes=limit_bytes)
    pixels, errors = entry
    kept = drop_unreadable(data, errors)
    frames = None if pixels is None else tuple(pixels[i] for i in range(len(data)) if i not in errors)
    return kept, FrameCache(kept, size, tuple(scale_factor(s.size, size) for s in kept.samples), frames)


def forget_frames() -> None:
    """Free the frames that this process remembers."""
    _remembered.clear()


def scale_factor(frame: tuple[int, int], size: tuple[int, int]) -> float:
    """Return the factor that makes a frame just fit into a size, at most MAX_FACTOR.

    Args:
        frame: height and width.
        size: height and width to fit into.
    """
    return min(size[0] / frame[0], size[1] / frame[1], MAX_FACTOR)


def scaled_size(frame: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
    """Return height and width of a frame after scaling, at least one pixel each.

    Args:
        frame: height and width.
        size: height and width to fit into.
    """
    factor = scale_factor(frame, size)
    height, width = (max(1, min(round(side * factor), most)) for side, most in zip(frame, size, strict=True))
    return height, width


def _decode(data: FrameData, *, size: tuple[int, int], limit_bytes: int, workers: int) -> _Entry:
    needed = sum(3 * int(np.prod(scaled_size(sample.size, size))) for sample in data.samples)
    pixels: dict[int, np.ndarray] = {}

    def keep(index: int, image: np.ndarray) -> None:
        sample = data.samples[index]
        frame = _scaled(image, sample.size, sample.path, size)
        if needed <= limit_bytes:
            pixels[index] = frame

    errors = decode_all(data, keep, workers=workers)
    if needed > limit_bytes:
        logger.info("%s: frames need more than %d MB and are loaded on demand", data.name, limit_bytes >> 20)
        return None, errors
    for frame in pixels.values():
        frame.flags.writeable = False
    return pixels, errors


def _scaled(image: np.ndarray, claimed: tuple[int, int], path: str, size: tuple[int, int]) -> np.ndarray:
    if image.shape[:2] != claimed:
        found, listed = (f"{width}x{height}" for height, width in (image.shape[:2], claimed))
        raise DataError(f"image {path!r} has {found} pixels", f"{listed} as when it was listed", "Read the data again.")
    return np.array(resize(image, scaled_size(claimed, size)))
