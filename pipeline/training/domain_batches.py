"""The batches of a round: one of the labelled source, and one of each unlabelled target, side by side."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import torch

from datasets.batches import BatchLoader
from datasets.loader import CropDataset
from datasets.samplers import PKSampler, UniformSampler
from pipeline import distributed
from pipeline.training.loop import Batches
from pipeline.training.relabel import TargetCrops
from pipeline.training.scoped import SOURCE, TARGET
from pipeline.training.settings import BatchSettings
from pipeline.types import ReIDBatch


class DomainBatches:
    """Loads all domains of an adaptation; its workers stay over all rounds.

    Args:
        source: labelled crops.
        targets: unlabelled crops by name of the target, in a fixed order.
        sizes: persons and crops of a batch of 'source' and of 'target'.
        seed: of sampling and augmentation.
        workers: loading processes of each domain.
    """

    def __init__(
        self,
        source: CropDataset,
        targets: Mapping[str, TargetCrops],
        *,
        sizes: Mapping[str, BatchSettings],
        seed: int,
        workers: int = 0,
    ) -> None:
        assert source.labels is not None, "source crops are labelled"
        self._crops = {SOURCE: source, **{name: target.crops for name, target in targets.items()}}
        self._tracklets = {
            name: target.tracklets.ids for name, target in targets.items() if target.tracklets is not None
        }
        self._sizes, self._seed = sizes, seed
        self._loaders = {name: BatchLoader(crops.collect, workers=workers) for name, crops in self._crops.items()}

    def round(self, labels: Mapping[str, np.ndarray | None], steps: range) -> Iterator[Batches]:
        """Yield one batch of each domain for every step.

        Args:
            labels: (N,) pseudo-labels of each target; None samples its crops evenly.
            steps: the steps to sample for; a batch is a function of its step.
        """
        streams = [self._stream(name, labels, steps, offset) for offset, name in enumerate(self._crops)]
        for batches in zip(*streams, strict=True):
            yield dict(zip(self._crops, batches, strict=True))

    def close(self) -> None:
        """End the workers."""
        for loader in self._loaders.values():
            loader.close()

    def _stream(
        self, name: str, labels: Mapping[str, np.ndarray | None], steps: range, offset: int
    ) -> Iterator[ReIDBatch]:
        known = self._crops[SOURCE].labels if name == SOURCE else labels[name]
        # Every domain but the source samples by the run's seed, and augments by one of its own.
        batches = self._loaders[name].batches(
            self._sampler(name, known), start=steps.start, stop=steps.stop, seed=self._seed + offset,
            rank=distributed.rank(), world=distributed.world_size(),
        )  # fmt: skip
        for batch in batches:
            # Workers know nothing of a round's pseudo-labels.
            yield batch if known is None else replace(batch, labels=_at(known, batch))

    def _sampler(self, name: str, labels: np.ndarray | None) -> PKSampler | UniformSampler:
        size = self._sizes[SOURCE if name == SOURCE else TARGET]
        if labels is None:
            return UniformSampler(len(self._crops[name]), batch=size.size, seed=self._seed)
        cameras = self._crops[name].cameras
        return PKSampler(
            labels, cameras, identities=size.identities, instances=size.instances, seed=self._seed,
            tracklets=self._tracklets.get(name),
        )  # fmt: skip


def unclustered_batches(
    source: CropDataset,
    target: TargetCrops,
    *,
    sizes: Mapping[str, BatchSettings],
    seed: int,
    workers: int,
    steps: range,
) -> Iterator[Batches]:
    """Yield a source batch beside an evenly sampled one of the one target for every step, and end the workers.

    Args:
        source: labelled crops.
        target: unlabelled crops.
        sizes: persons and crops of a batch of 'source' and of 'target'.
        seed: of sampling and augmentation.
        workers: loading processes of each domain.
        steps: the steps to sample for.
    """
    loading = DomainBatches(source, {TARGET: target}, sizes=sizes, seed=seed, workers=workers)
    try:
        yield from loading.round({TARGET: None}, steps)
    finally:
        loading.close()


def _at(labels: np.ndarray, batch: ReIDBatch) -> torch.Tensor:
    return torch.from_numpy(labels[batch.indices.numpy()].astype(np.int64))
