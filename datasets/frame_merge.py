"""One list of frames out of several data sets."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from datasets.frame_records import FrameData, FrameSample
from pipeline.errors import DataError


class _PartLoader:
    """Loads a frame by the way of the data set that it came from; picklable."""

    def __init__(self, origins: dict[str, tuple[FrameData, FrameSample]]) -> None:
        self._origins = origins

    def __call__(self, sample: FrameSample) -> np.ndarray:
        data, original = self._origins[sample.path]
        return data.load(original)


def merge_frames(parts: Sequence[FrameData]) -> FrameData:
    """Join data sets into one list; names get the number of their part in front.

    Args:
        parts: at least one.

    Raises:
        DataError: there is nothing to join.
    """
    if not parts:
        raise DataError("there is no data set to join", "at least one")
    if len(parts) == 1:
        return parts[0]
    origins = {
        f"{number}/{sample.path}": (part, sample) for number, part in enumerate(parts) for sample in part.samples
    }
    samples = tuple(
        # Cameras of different data sets are different ones, whatever they are called.
        replace(sample, path=path, camera_id=f"{path.partition('/')[0]}:{sample.camera_id}")
        for path, (_, sample) in origins.items()
    )
    skipped: dict[str, int] = {}
    for part in parts:
        for reason, count in part.skipped.items():
            skipped[reason] = skipped.get(reason, 0) + count
    digest = hashlib.sha256("".join(part.digest for part in parts).encode()).hexdigest()
    return FrameData("+".join(part.name for part in parts), samples, _PartLoader(origins), digest, skipped)
