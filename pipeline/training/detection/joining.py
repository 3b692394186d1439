"""Frames of several domains in one forward, so that batch norm sees the mixture that it will be used on."""

from collections.abc import Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.detection_types import DetectionBatch, DetectorTaps

_MAPS = ("pyramid", "dense_logits", "dense_boxes", "towers")
_ROWS = ("regions", "penultimate", "region_logits", "region_deltas")


def padded_alike(batches: Sequence[DetectionBatch]) -> list[DetectionBatch]:
    """Return the batches with images of one size, zero right of and below what was there.

    Args:
        batches: of any sizes.
    """
    height, width = (max(batch.images.shape[side] for batch in batches) for side in (2, 3))
    padded = []
    for batch in batches:
        below, right = height - batch.images.shape[2], width - batch.images.shape[3]
        padded.append(replace(batch, images=F.pad(batch.images, (0, right, 0, below))))
    return padded


def joined(batches: Sequence[DetectionBatch]) -> DetectionBatch:
    """Return one batch of all images, in the order of the batches.

    Args:
        batches: with images of one size; all with targets or all without.
    """
    targets = None
    if batches[0].targets is not None:
        targets = tuple(target for batch in batches for target in batch.targets or ())
    return DetectionBatch(
        images=torch.cat([batch.images for batch in batches]),
        sizes=torch.cat([batch.sizes for batch in batches]),
        indices=torch.cat([batch.indices for batch in batches]),
        targets=targets,
    )


def parted(taps: DetectorTaps, counts: Sequence[int]) -> list[DetectorTaps]:
    """Return what a detector says about each batch that was joined.

    Args:
        taps: of the joined batch.
        counts: images of each batch.
    """
    parts, first, row = [], 0, 0
    for count in counts:
        images = slice(first, first + count)
        rois = taps.rois[images]
        rows = slice(row, row + sum(len(boxes) for boxes in rois))
        maps = {name: {s: value[images] for s, value in getattr(taps, name).items()} for name in _MAPS}
        tables = {name: _rows_of(getattr(taps, name), rows) for name in _ROWS}
        parts.append(DetectorTaps(rois=rois, **maps, **tables))  # type: ignore[arg-type]
        first, row = images.stop, rows.stop
    return parts


def _rows_of(value: Tensor | None, rows: slice) -> Tensor | None:
    return None if value is None else value[rows]
