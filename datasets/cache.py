"""Decode and resize every crop once, so that epochs and stages don't decode again."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from datasets.class_records import ClassData
from datasets.decoding import DEFAULT_LIMIT_BYTES, RecentEntries, decode_all, drop_unreadable, listing_key
from datasets.images import resize
from datasets.records import ReIDData
from pipeline.errors import DataError

logger = logging.getLogger(__name__)

Data = TypeVar("Data", ReIDData, ClassData)

# (listing, size) -> pixels of the readable samples and the errors of the others, by position.
_Entry = tuple[np.ndarray | None, dict[int, DataError]]
_remembered: RecentEntries[_Entry] = RecentEntries(lambda entry: 0 if entry[0] is None else entry[0].nbytes)


@dataclass(frozen=True)
class PixelCache(Generic[Data]):
    """The crops of a data set at one size, in memory or, where they would not fit, loaded one at a time.

    Args:
        data: the readable samples.
        size: height and width of every crop.
        pixels: (N, H, W, 3) uint8, or None where crops are loaded on demand.
    """

    data: Data
    size: tuple[int, int]
    pixels: np.ndarray | None

    def __len__(self) -> int:
        """Return the number of crops."""
        return len(self.data)

    def __getitem__(self, index: int) -> np.ndarray:
        """Return one crop, (H, W, 3) uint8 RGB; not to be written to."""
        if self.pixels is not None:
            return self.pixels[index]
        return resize(self.data.load(self.data.samples[index]), self.size)


def load_pixels(
    data: Data, *, size: tuple[int, int], limit_bytes: int = DEFAULT_LIMIT_BYTES, workers: int = 4
) -> tuple[Data, PixelCache[Data]]:
    """Decode all crops, drop those that cannot be read, and keep the pixels if they fit.

    A second call in the same process with the same listing and size returns the first call's crops.

    Args:
        data: any data set.
        size: height and width of the crops.
        limit_bytes: above this size crops are loaded on demand.
        workers: number of decoding threads.

    Returns:
        the data without its unreadable samples (counted in `skipped`), and their pixels in the same order.

    Raises:
        DataError: more than a fifth of the images cannot be read.
    """
    key = (listing_key(data), size)
    entry = _remembered.get(key)
    if entry is None:
        entry = _decode(data, size=size, limit_bytes=limit_bytes, workers=workers)
        _remembered.put(key, entry, limit_bytes=limit_bytes)
    pixels, errors = entry
    kept = drop_unreadable(data, errors)
    return kept, PixelCache(kept, size, pixels)


def forget_pixels() -> None:
    """Free the crops that this process remembers."""
    _remembered.clear()


def _decode(data: Data, *, size: tuple[int, int], limit_bytes: int, workers: int) -> _Entry:
    shape = (len(data), *size, 3)
    if int(np.prod(shape)) > limit_bytes:
        logger.info("%s: crops need more than %d MB and are loaded on demand", data.name, limit_bytes >> 20)
        return None, decode_all(data, lambda index, image: None, workers=workers)
    pixels = np.empty(shape, np.uint8)

    def keep(index: int, image: np.ndarray) -> None:
        pixels[index] = resize(image, size)

    errors = decode_all(data, keep, workers=workers)
    kept = _compact(pixels, [i for i in range(len(data)) if i not in errors])
    kept.flags.writeable = False
    return kept, errors


def _compact(pixels: np.ndarray, kept: Sequence[int]) -> np.ndarray:
    """Move the kept rows to the front, in place: a copy would need the memory twice."""
    for new, old in enumerate(kept):
        if new != old:
            pixels[new] = pixels[old]
    return pixels[: len(kept)]
