"""Clips of tracklets: a few frames in the order of time, changed alike."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from datasets.batches import Item, ordered_items
from datasets.cache import PixelCache
from datasets.tracklet_groups import Tracklet
from datasets.transforms import Augment
from pipeline.types import ClipBatch


def clip_of(count: int, *, length: int, stride: int, start: int) -> np.ndarray:
    """Return the (length,) positions start, start + stride, ... of a clip; past the end the last frame stays.

    Args:
        count: frames of the tracklet, at least 1.
        length: frames of the clip.
        stride: frames from one to the next.
        start: first frame.
    """
    return np.minimum(start + stride * np.arange(length), count - 1)


def num_starts(count: int, *, length: int, stride: int) -> int:
    """Return how many clips a tracklet has that end inside it, at least one.

    Args:
        count: frames of the tracklet.
        length: frames of a clip.
        stride: frames from one to the next.
    """
    return max(1, count - stride * (length - 1))


@dataclass(frozen=True)
class ClipDataset:
    """Tracklets with what a batch says about them; an item is a clip of one of them.

    Args:
        cache: the pixels of all crops.
        tracklets: whose clips these are.
        labels: (N,) int class of each tracklet, or None.
        cameras: (N,) int camera position of each tracklet, -1 = unknown.
        length: frames of a clip.
        stride: frames from one to the next.
        augment: random transform, or None; all frames of a clip are changed alike.
    """

    cache: PixelCache
    tracklets: Sequence[Tracklet]
    labels: np.ndarray | None
    cameras: np.ndarray
    length: int
    stride: int
    augment: Augment | None = None

    def __len__(self) -> int:
        """Return the number of tracklets."""
        return len(self.tracklets)

    def collect(self, items: Sequence[Item]) -> ClipBatch:
        """Build one batch of clips that begin anywhere.

        Args:
            items: tracklet and seed of each row; the seed says where the clip begins and how it is changed.
        """
        rows = []
        for index, seed in items:
            count = len(self.tracklets[index].positions)
            start = seed % num_starts(count, length=self.length, stride=self.stride)
            rows.append(self._clip(index, start, seed=seed))
        return self._batch([index for index, _ in items], rows)

    def _clip(self, index: int, start: int, *, seed: int | None) -> np.ndarray:
        positions = self.tracklets[index].positions
        chosen = clip_of(len(positions), length=self.length, stride=self.stride, start=start)
        crops = [self.cache[positions[i]] for i in chosen]
        if self.augment is not None and seed is not None:
            crops = [self.augment(crop, seed) for crop in crops]
        return np.stack(crops)

    def _batch(self, indices: Sequence[int], clips: Sequence[np.ndarray]) -> ClipBatch:
        rows = np.array(indices, np.int64)
        pixels = np.ascontiguousarray(np.stack(clips).transpose(0, 1, 4, 2, 3))
        return ClipBatch(
            images=torch.from_numpy(pixels),
            indices=torch.from_numpy(rows),
            labels=None if self.labels is None else torch.from_numpy(self.labels[rows].astype(np.int64)),
            cameras=torch.from_numpy(self.cameras[rows].astype(np.int64)),
        )

    def in_order(self, *, batch: int) -> Iterator[ClipBatch]:
        """Yield clips that cover each tracklet from its beginning, one after the other, without augmentation.

        Args:
            batch: clips a batch; the last may be smaller.
        """
        step = self.length * self.stride
        places = [
            (index, start) for index, tracklet in enumerate(self.tracklets)
            for start in range(0, len(tracklet.positions), step)
        ]  # fmt: skip
        for items in ordered_items(len(places), batch=batch):
            chosen = [places[i] for i, _ in items]
            yield self._batch([i for i, _ in chosen], [self._clip(i, start, seed=None) for i, start in chosen])
