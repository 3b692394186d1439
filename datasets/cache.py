"""Decode and resize every crop once, so that epochs and stages don't decode again."""

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from tqdm import tqdm

from datasets.images import resize
from datasets.records import ReIDData
from pipeline.errors import DataError

logger = logging.getLogger(__name__)

DEFAULT_LIMIT_BYTES = 2 * 1024**3
MAX_UNREADABLE = 0.2
_MAX_REMEMBERED = 4
_SHOWN_ERRORS = 3
_BLOCK = 64
# (listing, size) -> pixels of the readable samples and the errors of the others, by position.
_Entry = tuple[np.ndarray | None, dict[int, DataError]]
_remembered: OrderedDict[tuple[str, tuple[int, int]], _Entry] = OrderedDict()


@dataclass(frozen=True)
class PixelCache:
    """The crops of a data set at one size, in memory or, where they would not fit, loaded one at a time.

    Args:
        data: the readable samples.
        size: height and width of every crop.
        pixels: (N, H, W, 3) uint8, or None where crops are loaded on demand.
    """

    data: ReIDData
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
    data: ReIDData, *, size: tuple[int, int], limit_bytes: int = DEFAULT_LIMIT_BYTES, workers: int = 4
) -> tuple[ReIDData, PixelCache]:
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
    key = (_listing_key(data), size)
    if key not in _remembered:
        shape = (len(data), *size, 3)
        pixels = np.empty(shape, np.uint8) if int(np.prod(shape)) <= limit_bytes else None
        errors = _decode_all(data, size=size, pixels=pixels, workers=workers)
        if pixels is None:
            logger.info("%s: crops need more than %d MB and are loaded on demand", data.name, limit_bytes >> 20)
        else:
            pixels = _compact(pixels, [i for i in range(len(data)) if i not in errors])
            pixels.flags.writeable = False
        _remember(key, (pixels, errors), limit_bytes=limit_bytes)
    _remembered.move_to_end(key)
    pixels, errors = _remembered[key]
    kept = _drop(data, errors)
    return kept, PixelCache(kept, size, pixels)


def forget_pixels() -> None:
    """Free the crops that this process remembers."""
    _remembered.clear()


def _decode_all(
    data: ReIDData, *, size: tuple[int, int], pixels: np.ndarray | None, workers: int
) -> dict[int, DataError]:
    """Decode every sample into its row and return the errors by position."""

    def decode(block: range) -> dict[int, DataError]:
        errors = {}
        for index in block:
            try:
                image = data.load(data.samples[index])
            except DataError as error:
                errors[index] = error
                continue
            if pixels is not None:
                pixels[index] = resize(image, size)
        return errors

    blocks = [range(first, min(first + _BLOCK, len(data))) for first in range(0, len(data), _BLOCK)]
    errors: dict[int, DataError] = {}
    # disable=None: no bar where the output is not a terminal.
    with ThreadPoolExecutor(max(1, workers)) as pool, tqdm(total=len(data), desc=data.name, disable=None) as bar:
        for block, found in zip(blocks, pool.map(decode, blocks), strict=True):
            errors.update(found)
            bar.update(len(block))
    return errors


def _drop(data: ReIDData, errors: dict[int, DataError]) -> ReIDData:
    if not errors:
        return data
    shown = "; ".join(error.found for error in list(errors.values())[:_SHOWN_ERRORS])
    if len(errors) > MAX_UNREADABLE * len(data):
        raise DataError(
            f"{len(errors)} of {len(data)} images of {data.name} cannot be read: {shown}",
            f"at most {MAX_UNREADABLE:.0%} unreadable ones",
            "Copy or unpack the data again.",
        )
    logger.warning("%s: %d of %d images are left out: %s", data.name, len(errors), len(data), shown)
    samples = tuple(sample for index, sample in enumerate(data.samples) if index not in errors)
    return replace(data, samples=samples, skipped={**data.skipped, "unreadable image": len(errors)})


def _compact(pixels: np.ndarray, kept: Sequence[int]) -> np.ndarray:
    """Move the kept rows to the front, in place: a copy would need the memory twice."""
    for new, old in enumerate(kept):
        if new != old:
            pixels[new] = pixels[old]
    return pixels[: len(kept)]


def _listing_key(data: ReIDData) -> str:
    paths = hashlib.sha256(data.digest.encode())
    for sample in data.samples:
        paths.update(sample.path.encode(errors="backslashreplace") + b"\0")
    return paths.hexdigest()


def _remember(key: tuple[str, tuple[int, int]], entry: _Entry, *, limit_bytes: int) -> None:
    _remembered[key] = entry
    while len(_remembered) > 1:
        total = sum(pixels.nbytes for pixels, _ in _remembered.values() if pixels is not None)
        if len(_remembered) <= _MAX_REMEMBERED and total <= limit_bytes:
            return
        _remembered.popitem(last=False)
