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


class BatchLoader(Generic[Batch]):
    """Makes batches of one data set, in worker processes that stay from one call of `batches` to the next.

    Args:
        collect: builds a batch of image indices and augmentation seeds; picklable where there are workers.
        workers: worker processes; 0 works in this one.
    """

    def __init__(self, collect: Callable[[Sequence[Item]], Batch], *, workers: int = 0) -> None:
        self._collected = _Collected(collect)
        self._workers = workers
        self._wanted = _Wanted()
        self._loader: DataLoader[Batch | PipelineError] | None = None

    def batches(
        self, sampler: Sampler, *, start: int, stop: int, seed: int, rank: int = 0, world: int = 1
    ) -> Iterator[Batch]:
        """Yield the rank's share of each step in [start, stop).

        The augmentation seed of an image is a function of (seed, step, position in the global batch).

        Args:
            sampler: gives the global batch of a step.
            start: first step.
            stop: step to stop before.
            seed: seed of the augmentation.
            rank: this process' number.
            world: number of processes; each takes an equal, contiguous part of the batch.

        Raises:
            ConfigError: the batch cannot be shared equally.
            DataError: an image can no longer be read.
        """
        if sampler.batch_size % world:
            raise ConfigError(f"batch of {sampler.batch_size} on {world} processes", f"a multiple of {world}")
        share = sampler.batch_size // world
        rows = range(rank * share, (rank + 1) * share)
        items = (_items_of(sampler.batch(step), rows, seed=seed, step=step) for step in range(start, stop))
        results = self._in_workers(items) if self._workers else map(self._collected.__getitem__, items)
        for result in results:
            if isinstance(result, PipelineError):
                # The error's traceback keeps this frame; workers that it kept too would take seconds to end.
                del results
                self.close()
                raise result
            yield result

    def close(self) -> None:
        """End the workers."""
        self._loader = None

    def _in_workers(self, items: Iterator[list[Item]]) -> Iterator[Batch | PipelineError]:
        self._wanted.items = items
        if self._loader is None:
            self._loader = DataLoader(
                self._collected,
                sampler=self._wanted,
                batch_size=None,
                num_workers=self._workers,
                persistent_workers=True,
                worker_init_fn=_prepare_worker,
                # A process that computes on CUDA has put its networks there before it loads.
                pin_memory=torch.cuda.is_initialized(),
                generator=torch.Generator(),  # the default one would move on, and with it everything drawn later
            )
        return iter(self._loader)


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
    """Yield the batches of a `BatchLoader` that ends with them.

    Args:
        collect: as in `BatchLoader`.
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
    loader = BatchLoader(collect, workers=min(workers, max(1, stop - start)))
    yield from loader.batches(sampler, start=start, stop=stop, seed=seed, rank=rank, world=world)


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


def _items_of(indices: np.ndarray, rows: range, *, seed: int, step: int) -> list[Item]:
    return [(int(indices[row]), augmentation_seed(seed, step, row)) for row in rows]


class _Wanted:
    """What the workers are to make next; looked at anew by each iteration over the loader."""

    items: Iterator[list[Item]] = iter(())

    def __iter__(self) -> Iterator[list[Item]]:
        return self.items


class _Collected(Dataset[Batch | PipelineError], Generic[Batch]):
    """One item is a whole batch; an error travels as a value, so that its sentence arrives as it is."""

    def __init__(self, collect: Callable[[Sequence[Item]], Batch]) -> None:
        self._collect = collect

    def __getitem__(self, items: Sequence[Item]) -> Batch | PipelineError:
        try:
            return self._collect(items)
        except PipelineError as error:
            return error


def _prepare_worker(worker: int) -> None:
    cv2.setNumThreads(0)  # its thread pool does not survive a fork
