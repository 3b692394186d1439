"""Mean and deviation of each channel over the cells of all frames of a batch."""

import torch
from torch import Tensor

EPS = 1e-6
# Deviations this small beside the mean are rounding: dividing by them would blow noise up to size 1.
NOISE = 1e-5


def channel_statistics(maps: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and unbiased standard deviation of each channel over images and valid cells.

    Args:
        maps: (B, C, h, w).
        valid: (B, h, w) bool.

    Returns:
        (1, C, 1, 1) mean and deviation; a channel that does not vary, or one cell, has a tiny deviation instead of 0,
        and no gradient through it.
    """
    inside = valid[:, None].to(maps.dtype)
    count = inside.sum()
    mean = (maps * inside).sum((0, 2, 3), keepdim=True) / count.clamp(min=1)
    variance = ((maps - mean).square() * inside).sum((0, 2, 3), keepdim=True) / (count - 1).clamp(min=1)
    floor = (EPS + NOISE * mean.detach().abs()).square()
    # The floor comes before the root, whose slope at 0 is infinite.
    return mean, torch.maximum(variance, floor).sqrt()


def standardised(maps: Tensor, valid: Tensor) -> Tensor:
    """Return the maps with every channel at mean 0 and deviation 1 over images and valid cells.

    Args:
        maps: (B, C, h, w).
        valid: (B, h, w) bool.

    Returns:
        (B, C, h, w), 0 outside the frames; a channel that does not vary becomes 0.
    """
    mean, deviation = channel_statistics(maps, valid)
    return (maps - mean) / (deviation + EPS) * valid[:, None]
