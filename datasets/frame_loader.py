"""Frames with what a detector has to find on them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from datasets.batches import Item, ordered_items
from datasets.camera_background import UNKNOWN, Backgrounds, foreground, foreground_shares
from datasets.frame_boxes import Geometry, box_targets
from datasets.frame_cache import FrameCache
from datasets.frame_transforms import FrameAugment
from pipeline.detection_types import BoxTargets, DetectionBatch, FrameBoxes
from pipeline.errors import DataError

Views = tuple[DetectionBatch, DetectionBatch]


@dataclass(frozen=True)
class FrameDataset:
    """Frames with what a detector has to find on them.

    Args:
        cache: the scaled frames.
        targets: boxes of each frame in pixels of the scaled frame (`cache.truth()`, or what a teacher found), or None.
        augment: random transform, or None.
        min_height: people lower than this in the augmented frame are ignored, in pixels.
        min_visible: people of whom a smaller share is visible in the augmented frame are ignored, 0..1.
        backgrounds: of the fixed cameras, so that weak views know their foreground.
    """

    cache: FrameCache
    targets: Sequence[FrameBoxes] | None = None
    augment: FrameAugment | None = None
    min_height: float = 0.0
    min_visible: float = 0.0
    backgrounds: Backgrounds = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the lengths."""
        if self.targets is not None:
            assert len(self.targets) == len(self.cache), f"{len(self.targets)} entries, {len(self.cache)} frames"

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.cache)

    def truth(self, indices: Sequence[int] | np.ndarray) -> list[FrameBoxes]:
        """Return the targets of some frames in pixels of the scaled, not augmented frame.

        Args:
            indices: positions of the frames.

        Raises:
            DataError: the frames have no targets.
        """
        if self.targets is None:
            raise DataError(f"{self.cache.data.name} has no boxes", "labelled frames")
        return [self.targets[int(index)] for index in indices]

    def collect(self, items: Sequence[Item], *, is_augmented: bool = True) -> DetectionBatch:
        """Build one batch.

        Args:
            items: frame index and augmentation seed of each row.
            is_augmented: whether the augmentation runs.
        """
        augment = self.augment if is_augmented else None
        geometries = [self._geometry(augment, item) for item in items]
        frames = [geometry.pixels(self.cache[i]) for geometry, (i, _) in zip(geometries, items, strict=True)]
        if augment is not None:
            frames = [augment.photometric(np.ascontiguousarray(f), s) for f, (_, s) in zip(frames, items, strict=True)]
        return self._batch(frames, geometries, items)

    def collect_views(self, items: Sequence[Item]) -> Views:
        """Build a weak and a strong view of the same frames: one geometry, so that a box of one is right in the other.

        The weak view has the geometry alone, the strong one the changes of the pixels as well.

        Args:
            items: frame index and augmentation seed of each row.
        """
        geometries = [self._geometry(self.augment, item) for item in items]
        weak = [np.ascontiguousarray(g.pixels(self.cache[i])) for g, (i, _) in zip(geometries, items, strict=True)]
        strong = weak
        if self.augment is not None:
            strong = [self.augment.photometric(frame, seed) for frame, (_, seed) in zip(weak, items, strict=True)]
        windows = torch.tensor([geometry.numbers for geometry in geometries], dtype=torch.int64).reshape(-1, 7)
        seen = replace(self._batch(weak, geometries, items), windows=windows)
        if self.backgrounds:
            seen = replace(seen, foreground=self._foreground(geometries, items, seen))
        return seen, self._batch(strong, geometries, items)

    def foreground_shares(self, index: int, boxes: np.ndarray) -> np.ndarray:
        """Return the share of each box on a scaled, not augmented frame that is foreground.

        Args:
            index: position of the frame.
            boxes: (N, 4) xyxy in its pixels.

        Returns:
            (N,) float64; NaN where the camera has no background.
        """
        plane = self._plane(index)
        return np.full(len(boxes), np.nan) if plane is None else foreground_shares(plane, boxes)

    def _plane(self, index: int) -> np.ndarray | None:
        sample = self.cache.data.samples[index]
        background = self.backgrounds.get((sample.camera_id, sample.size))
        return None if background is None else foreground(self.cache[index], background)

    def _foreground(self, geometries: Sequence[Geometry], items: Sequence[Item], seen: DetectionBatch) -> torch.Tensor:
        planes = torch.full((len(items), *seen.images.shape[2:]), UNKNOWN, dtype=torch.uint8)
        for row, (geometry, (index, _)) in enumerate(zip(geometries, items, strict=True)):
            plane = self._plane(index)
            if plane is not None:
                # Levels of grey are resized, and those above the middle are foreground again.
                changed = geometry.pixels(255 * plane) >= 128
                planes[row, : changed.shape[0], : changed.shape[1]] = torch.from_numpy(changed.astype(np.uint8))
        return planes

    def _geometry(self, augment: FrameAugment | None, item: Item) -> Geometry:
        index, seed = item
        height, width = self.cache[index].shape[:2]
        if augment is None:
            return Geometry((0, 0, height, width), (height, width))
        return augment.geometry((height, width), seed)

    def _batch(
        self, frames: Sequence[np.ndarray], geometries: Sequence[Geometry], items: Sequence[Item]
    ) -> DetectionBatch:
        targets = None
        if self.targets is not None:
            targets = tuple(self._targets_of(i, g) for (i, _), g in zip(items, geometries, strict=True))
        return DetectionBatch(
            images=pad_frames(frames),
            sizes=torch.tensor([frame.shape[:2] for frame in frames], dtype=torch.int64).reshape(-1, 2),
            indices=torch.tensor([index for index, _ in items], dtype=torch.int64),
            targets=targets,
        )

    def _targets_of(self, index: int, geometry: Geometry) -> BoxTargets:
        assert self.targets is not None, "only labelled data sets have targets"
        return box_targets(
            geometry.annotations(self.targets[index]),
            geometry.size,
            min_height=self.min_height,
            min_visible=self.min_visible,
        )


def pad_frames(frames: Sequence[np.ndarray]) -> torch.Tensor:
    """Stack frames of different sizes, zero right of and below each.

    Args:
        frames: (h, w, 3) uint8 each.

    Returns:
        (B, 3, H, W) uint8, H and W of the largest.
    """
    height, width = (max(frame.shape[side] for frame in frames) for side in (0, 1))
    images = torch.zeros((len(frames), 3, height, width), dtype=torch.uint8)
    for image, frame in zip(images, frames, strict=True):
        image[:, : frame.shape[0], : frame.shape[1]] = torch.from_numpy(np.ascontiguousarray(frame.transpose(2, 0, 1)))
    return images


def iterate_frames_in_order(dataset: FrameDataset, *, batch: int) -> Iterator[DetectionBatch]:
    """Yield all frames in listing order, without augmentation; the last batch may be smaller.

    Args:
        dataset: the frames.
        batch: frames a batch.
    """
    for items in ordered_items(len(dataset), batch=batch):
        yield dataset.collect(items, is_augmented=False)
