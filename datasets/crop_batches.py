"""Crops of a listing as batches of pixels, straight from the files; a bad file is an empty crop."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from datasets.images import resize
from datasets.records import ReIDData
from pipeline.errors import DataError


@dataclass(frozen=True)
class CropBatch:
    """Some crops of a listing.

    Args:
        positions: (B,) int64 positions in the listing.
        images: (B, 3, H, W) uint8 RGB; zeros where a crop could not be read.
        errors: why, by position.
    """

    positions: np.ndarray
    images: Tensor
    errors: dict[int, DataError]


def read_crops(
    data: ReIDData, positions: Sequence[int], *, size: tuple[int, int], is_pinned: bool = False
) -> CropBatch:
    """Decode and resize crops, as the pixel cache does.

    Args:
        data: the listing.
        positions: B positions in it.
        size: height and width.
        is_pinned: put the pixels where a GPU can fetch them while it computes.
    """
    pixels = np.zeros((len(positions), *size, 3), np.uint8)
    errors = {}
    for row, position in enumerate(positions):
        try:
            pixels[row] = resize(data.load(data.samples[position]), size)
        except DataError as error:
            errors[int(position)] = error
    images = torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)))
    return CropBatch(np.array(positions, np.int64), images.pin_memory() if is_pinned else images, errors)
