"""Makers of small image folders and data sets."""

from pathlib import Path

import numpy as np
from PIL import Image

from datasets.records import ReIDData, ReIDSample
from pipeline.errors import DataError


def make_pixels(seed: int = 0, height: int = 16, width: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def make_files(root: Path, names: list[str]) -> Path:
    """Write one small image under each name, each with its own pixels."""
    for seed, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(make_pixels(seed)).save(path)
    return root


def make_data(num_images: int = 12, broken: tuple[int, ...] = (), name: str = "made") -> ReIDData:
    """A data set in memory: 3 persons, 2 cameras, some samples unreadable."""
    samples = tuple(ReIDSample(f"{i:04d}.png", i % 3, str(i % 2 + 1), name) for i in range(num_images))
    return ReIDData(name, samples, _MemoryLoader(broken), digest=f"{name}-{num_images}-{broken}")


class _MemoryLoader:
    def __init__(self, broken: tuple[int, ...]) -> None:
        self._broken = broken

    def __call__(self, sample: ReIDSample) -> np.ndarray:
        index = int(sample.path[:4])
        if index in self._broken:
            raise DataError(f"cannot read image {sample.path!r}: made so")
        return make_pixels(index)
