"""What both pixel caches share: decode every image in threads, drop unreadable ones, remember the latest results."""

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Generic, TypeVar

import numpy as np
from tqdm import tqdm

from datasets.class_records import ClassData
from datasets.frame_records import FrameData
from datasets.records import ReIDData
from pipeline.errors import DataError

logger = logging.getLogger(__name__)

DEFAULT_LIMIT_BYTES = 2 * 1024**3
MAX_UNREADABLE = 0.2
_MAX_REMEMBERED = 4
_SHOWN_ERRORS = 3
_BLOCK = 64

Data = TypeVar("Data", ReIDData, FrameData, ClassData)
Key = tuple[str, tuple[int, int]]
Entry = TypeVar("Entry")


class RecentEntries(Generic[Entry]):
    """The latest decoded data sets of this process, bounded by number and by bytes; the newest always stays.

    Args:
        num_bytes: size of an entry.
    """

    def __init__(self, num_bytes: Callable[[Entry], int]) -> None:
        self._entries: OrderedDict[Key, Entry] = OrderedDict()
        self._num_bytes = num_bytes

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self._entries)

    def get(self, key: Key) -> Entry | None:
        """Return an entry, which becomes the newest, or None."""
        if key not in self._entries:
            return None
        self._entries.move_to_end(key)
        return self._entries[key]

    def put(self, key: Key, entry: Entry, *, limit_bytes: int) -> None:
        """Add an entry and forget the oldest ones that are too many.

        Args:
            key: listing and size.
            entry: what to remember.
            limit_bytes: of all entries together.
        """
        self._entries[key] = entry
        while len(self._entries) > 1:
            total = sum(self._num_bytes(kept) for kept in self._entries.values())
            if len(self._entries) <= _MAX_REMEMBERED and total <= limit_bytes:
                return
            self._entries.popitem(last=False)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()


def decode_all(data: Data, keep: Callable[[int, np.ndarray], None], *, workers: int) -> dict[int, DataError]:
    """Decode every sample, hand its position and pixels to `keep`, and return the errors by position.

    Args:
        data: any data set.
        keep: called from several threads; an error that it raises counts as the sample's.
        workers: number of threads.
    """

    def decode(block: range) -> dict[int, DataError]:
        errors = {}
        for index in block:
            try:
                keep(index, data.load(data.samples[index]))
            except DataError as error:
                errors[index] = error
        return errors

    blocks = [range(first, min(first + _BLOCK, len(data))) for first in range(0, len(data), _BLOCK)]
    errors: dict[int, DataError] = {}
    # disable=None: no bar where the output is not a terminal.
    with ThreadPoolExecutor(max(1, workers)) as pool, tqdm(total=len(data), desc=data.name, disable=None) as bar:
        for block, found in zip(blocks, pool.map(decode, blocks), strict=True):
            errors.update(found)
            bar.update(len(block))
    return errors


def drop_unreadable(data: Data, errors: dict[int, DataError]) -> Data:
    """Return the data without the samples that have an error, counted in `skipped`.

    Raises:
        DataError: they are more than a fifth.
    """
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
    left_out = data.skipped.get("unreadable image", 0) + len(errors)
    return replace(data, samples=samples, skipped={**data.skipped, "unreadable image": left_out})


def listing_key(data: ReIDData | FrameData | ClassData) -> str:
    """Return a hash of the digest and the paths, the same with and without labels."""
    paths = hashlib.sha256(data.digest.encode())
    for sample in data.samples:
        paths.update(sample.path.encode(errors="backslashreplace") + b"\0")
    return paths.hexdigest()
