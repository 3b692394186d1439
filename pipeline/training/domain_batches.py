"""The batches of a round: one of the labelled source, and one of each unlabelled target, side by side."""

from collections.abc import Iterator, Mapping

import numpy as np

from datasets.batches import iterate_batches
from datasets.loader import CropDataset
from datasets.samplers import PKSampler, UniformSampler
from pipeline import distributed
from pipeline.training.loop import Batches
from pipeline.training.relabel import TargetCrops
from pipeline.training.scoped import SOURCE, TARGET
from pipeline.training.settings import BatchSettings
from pipeline.types import ReIDBatch


def domain_batches(
    source: CropDataset,
    targets: Mapping[str, TargetCrops],
    labels: Mapping[str, np.ndarray | None],
    *,
    sizes: Mapping[str, BatchSettings],
    steps: range,
    seed: int,
    workers: int,
) -> Iterator[Batches]:
    """Yield one batch of each domain for every step.

    Args:
        source: labelled crops.
        targets: unlabelled crops by name of the target, in a fixed order.
        labels: (N,) pseudo-labels of each target; None samples its crops evenly.
        sizes: persons and crops of a batch of 'source' and of 'target'.
        steps: the steps to sample for; a batch is a function of its step.
        seed: of sampling and augmentation.
        workers: loading processes.
    """
    assert source.labels is not None, "source crops are labelled"
    domains = {SOURCE: source}
    domains |= {name: _pseudo_labelled(target.crops, labels[name]) for name, target in targets.items()}
    streams: dict[str, Iterator[ReIDBatch]] = {}
    for offset, (name, crops) in enumerate(domains.items()):
        size = sizes[SOURCE if name == SOURCE else TARGET]
        # Every domain but the source samples by the run's seed, and augments by one of its own.
        streams[name] = iterate_batches(
            crops.collect, _sampler(crops, size, seed=seed), start=steps.start, stop=steps.stop, seed=seed + offset,
            rank=distributed.rank(), world=distributed.world_size(), workers=workers,
        )  # fmt: skip
    for batches in zip(*streams.values(), strict=True):
        yield dict(zip(streams, batches, strict=True))


def _pseudo_labelled(crops: CropDataset, labels: np.ndarray | None) -> CropDataset:
    return CropDataset(crops.cache, labels, crops.cameras, crops.augment)


def _sampler(crops: CropDataset, size: BatchSettings, *, seed: int) -> PKSampler | UniformSampler:
    if crops.labels is None:
        return UniformSampler(len(crops), batch=size.size, seed=seed)
    return PKSampler(crops.labels, crops.cameras, identities=size.identities, instances=size.instances, seed=seed)
