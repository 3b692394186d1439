"""Which images make a batch, in which process and with which seeds; what a batch is made of is the caller's affair."""

import hashlib
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from pipeline.errors import ConfigError, PipelineError

# (image index, augmentation seed)
Item = tuple[int, int]
Batch = TypeVar("Batch")


class Sampler(Protocol):
    """Anything that knows the global batch of a step."""

    batch_size: int

    def batch(self, step: int) -> np.ndarray:
        """Return the (batch_size,) int64 image indices of a step."""


def iterate_batches(
    collect: Callable[[Sequence[Item]], Batch],
    sampler: Sampler,
    *,
    start: int,
    stop: int,
    seed: int,
    workers: int = 0,
    rank: int = 0,
    world: int = 1,
) -> Iterator[Batch]:
    """Yield what `collect` makes of the rank's share of each step in [start, stop).

    The augmentation seed of an image is a function of (seed, step, position in the global batch).

    Args:
        collect: builds a batch of image indices and augmentation seeds; picklable where there are workers.
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
        collect, sampler, rows=range(rank * share, (rank + 1) * share), start=start, stop=stop, seed=seed
    )
    results: Iterator[Batch | PipelineError] = map(batches.__getitem__, range(len(batches)))
    if workers:
        results = iter(_in_workers(batches, min(workers, max(1, len(batches)))))
    for result in results:
        if isinstance(result, PipelineError):
            # The error's traceback keeps this frame; workers that it kept too would take seconds to end.
            del results
            raise result
        yield result


def ordered_items(count: int, *, batch: int) -> Iterator[list[Item]]:
    """Yield the items of batches in listing order; the last may be smaller.

    Args:
        count: number of images.
        batch: images a batch.
    """
    for first in range(0, count, batch):
        yield [(index, 0) for index in range(first, min(first + batch, count))]


def augmentation_seed(seed: int, step: int, position: int) -> int:
    """Return a 64-bit hash of three integers; neighbouring arguments give unrelated seeds.

    Args:
        seed: of the run.
        step: of the training.
        position: of the image in the global batch.
    """
    digest = hashlib.blake2b(struct.pack("<qqq", seed, step, position), digest_size=8).digest()
    return int.from_bytes(digest, "little")


class _Batches(Dataset[Batch | PipelineError], Generic[Batch]):
    """One item is a whole batch; an error travels as a value, so that its sentence arrives as it is."""

    def __init__(
        self,
        collect: Callable[[Sequence[Item]], Batch],
        sampler: Sampler,
        *,
        rows: range,
        start: int,
        stop: int,
        seed: int,
    ) -> None:
        self._collect, self._sampler = collect, sampler
        self._rows, self._steps, self._seed = rows, range(start, stop), seed

    def __len__(self) -> int:
        return len(self._steps)

    def __getitem__(self, index: int) -> Batch | PipelineError:
        step = self._steps[index]
        indices = self._sampler.batch(step)
        items = [(int(indices[row]), augmentation_seed(self._seed, step, row)) for row in self._rows]
        try:
            return self._collect(items)
        except PipelineError as error:
            return error


def _in_workers(batches: Dataset[Batch], workers: int) -> DataLoader[Batch]:
    return DataLoader(
        batches,
        batch_size=None,
        num_workers=workers,
        worker_init_fn=_prepare_worker,
        generator=torch.Generator(),  # the default one would move on, and with it everything drawn later
    )


def _prepare_worker(worker: int) -> None:
    cv2.setNumThreads(0)  # its thread pool does not survive a fork
