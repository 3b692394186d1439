"""Batches of augmented crops that depend on neither the number of workers nor the number of ranks."""

import hashlib
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from datasets.cache import PixelCache
from datasets.transforms import Augment
from pipeline.errors import ConfigError, PipelineError
from pipeline.types import ReIDBatch

# (image index, augmentation seed)
Item = tuple[int, int]


class Sampler(Protocol):
    """Anything that knows the global batch of a step."""

    batch_size: int

    def batch(self, step: int) -> np.ndarray:
        """Return the (batch_size,) int64 image indices of a step."""


@dataclass(frozen=True)
class CropDataset:
    """Crops with what a batch says about them.

    Args:
        cache: the pixels.
        labels: (N,) int class or pseudo-label, or None.
        cameras: (N,) int camera position, -1 = unknown.
        augment: random transform, or None.
    """

    cache: PixelCache
    labels: np.ndarray | None
    cameras: np.ndarray
    augment: Augment | None = None

    def __len__(self) -> int:
        """Return the number of crops."""
        return len(self.cache)

    def collect(self, items: Sequence[Item], *, is_augmented: bool = True) -> ReIDBatch:
        """Build one batch.

        Args:
            items: image index and augmentation seed of each row.
            is_augmented: whether the augmentation runs.
        """
        augment = self.augment if is_augmented else None
        crops = [self.cache[i] if augment is None else augment(self.cache[i], seed) for i, seed in items]
        indices = np.array([index for index, _ in items], np.int64)
        return ReIDBatch(
            images=torch.from_numpy(np.ascontiguousarray(np.stack(crops).transpose(0, 3, 1, 2))),
            indices=torch.from_numpy(indices),
            labels=None if self.labels is None else torch.from_numpy(self.labels[indices].astype(np.int64)),
            cameras=torch.from_numpy(self.cameras[indices].astype(np.int64)),
        )


def iterate_batches(
    dataset: CropDataset,
    sampler: Sampler,
    *,
    start: int,
    stop: int,
    seed: int,
    workers: int = 0,
    rank: int = 0,
    world: int = 1,
) -> Iterator[ReIDBatch]:
    """Yield the rank's share of the batch of each step in [start, stop).

    The augmentation of an image is a function of (seed, step, position in the global batch).

    Args:
        dataset: the crops.
        sampler: gives the global batch of a step.
        start: first step.
        stop: step to stop before.
        seed: seed of the augmentation.
        workers: worker processes; 0 works in this one.
        rank: this process' number.
        world: number of processes; each takes an equal, contiguous part of the batch.

    Raises:
        ConfigError: the batch cannot be shared equally.
        DataError: an image can no longer be read.
    """
    if sampler.batch_size % world:
        raise ConfigError(f"batch of {sampler.batch_size} on {world} processes", f"a multiple of {world}")
    share = sampler.batch_size // world
    batches = _Batches(
        dataset, sampler, rows=range(rank * share, (rank + 1) * share), start=start, stop=stop, seed=seed
    )
    for result in map(batches.__getitem__, range(len(batches))) if workers == 0 else _in_workers(batches, workers):
        if isinstance(result, PipelineError):
            raise result
        yield result


def iterate_in_order(dataset: CropDataset, *, batch: int) -> Iterator[ReIDBatch]:
    """Yield all crops in listing order, without augmentation; the last batch may be smaller.

    Args:
        dataset: the crops.
        batch: images a batch.
    """
    for first in range(0, len(dataset), batch):
        items = [(index, 0) for index in range(first, min(first + batch, len(dataset)))]
        yield dataset.collect(items, is_augmented=False)


def augmentation_seed(seed: int, step: int, position: int) -> int:
    """Return a 64-bit hash of three integers; neighbouring arguments give unrelated seeds.

    Args:
        seed: of the run.
        step: of the training.
        position: of the crop in the global batch.
    """
    digest = hashlib.blake2b(struct.pack("<qqq", seed, step, position), digest_size=8).digest()
    return int.from_bytes(digest, "little")


class _Batches(Dataset[ReIDBatch | PipelineError]):
    """One item is a whole batch; an error travels as a value, so that its sentence arrives as it is."""

    def __init__(
        self, dataset: CropDataset, sampler: Sampler, *, rows: range, start: int, stop: int, seed: int
    ) -> None:
        self._dataset, self._sampler = dataset, sampler
        self._rows, self._steps, self._seed = rows, range(start, stop), seed

    def __len__(self) -> int:
        return len(self._steps)

    def __getitem__(self, index: int) -> ReIDBatch | PipelineError:
        step = self._steps[index]
        indices = self._sampler.batch(step)
        items = [(int(indices[row]), augmentation_seed(self._seed, step, row)) for row in self._rows]
        try:
            return self._dataset.collect(items)
        except PipelineError as error:
            return error


def _in_workers(batches: _Batches, workers: int) -> Iterator[ReIDBatch | PipelineError]:
    return iter(
        DataLoader(
            batches,
            batch_size=None,
            num_workers=min(workers, max(1, len(batches))),
            worker_init_fn=_prepare_worker,
            generator=torch.Generator(),  # the default one would move on, and with it everything drawn later
        )
    )


def _prepare_worker(worker: int) -> None:
    cv2.setNumThreads(0)  # its thread pool does not survive a fork
