"""Several labelled data sets as one, with their persons and cameras kept apart."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from datasets.records import ReIDData, ReIDSample


@dataclass(frozen=True)
class _Loader:
    """Hands each sample to the data set that it came from."""

    parts: tuple[ReIDData, ...]

    def load(self, sample: ReIDSample) -> np.ndarray:
        number, path = sample.path.split("/", 1)
        return self.parts[int(number)].load(replace(sample, path=path))


def merge_labelled(parts: Sequence[ReIDData]) -> ReIDData:
    """Return one data set over all crops; equal person ids or camera names of two parts stay different.

    Args:
        parts: labelled data sets; a single one is returned as it is.
    """
    if len(parts) == 1:
        return parts[0]
    samples: list[ReIDSample] = []
    next_person = 0
    for number, part in enumerate(parts):
        for sample in part.samples:
            assert sample.person_id is not None, f"{part.name} is not labelled"
            camera = None if sample.camera_id is None else f"{number}/{sample.camera_id}"
            samples.append(
                replace(
                    sample,
                    path=f"{number}/{sample.path}",
                    person_id=sample.person_id + next_person,
                    camera_id=camera,
                )
            )
        next_person += 1 + max((s.person_id or 0 for s in part.samples), default=0)
    skipped: Counter[str] = Counter()
    for part in parts:
        skipped.update(part.skipped)
    digest = hashlib.sha256("".join(part.digest for part in parts).encode()).hexdigest()
    name = " + ".join(part.name for part in parts)
    return ReIDData(name, tuple(samples), _Loader(tuple(parts)).load, digest, dict(skipped))


def part_numbers(data: ReIDData, num_parts: int) -> np.ndarray:
    """Return the (N,) int64 number of the data set that each crop came from, zeros where nothing was merged.

    Args:
        data: what `merge_labelled` returned, perhaps without some of its crops.
        num_parts: data sets that it was given.
    """
    if num_parts == 1:
        return np.zeros(len(data), np.int64)
    return np.array([int(sample.path.split("/", 1)[0]) for sample in data.samples], np.int64)
