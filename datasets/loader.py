"""Crops with what a batch says about them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from datasets.batches import Item, ordered_items
from datasets.cache import PixelCache
from datasets.transforms import Augment
from pipeline.types import ReIDBatch


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


def iterate_in_order(dataset: CropDataset, *, batch: int) -> Iterator[ReIDBatch]:
    """Yield all crops in listing order, without augmentation; the last batch may be smaller.

    Args:
        dataset: the crops.
        batch: images a batch.
    """
    for items in ordered_items(len(dataset), batch=batch):
        yield dataset.collect(items, is_augmented=False)
