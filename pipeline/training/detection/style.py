"""Source frames in the colours of target frames: labelled frames that look a little like the new cameras'."""

from dataclasses import replace

import torch
from torch import Tensor

from pipeline.detection_types import DetectionBatch

_EPS = 1.0  # grey levels; a frame of one colour has no contrast to stretch


def colour_transfer(image: Tensor, like: Tensor) -> Tensor:
    """Return an image with the mean and the standard deviation of another in every channel.

    ``x' = (x - mean(x)) / std(x) * std(y) + mean(y)``, clipped to 0..255.

    Args:
        image: (3, h, w) uint8 RGB.
        like: (3, h', w') uint8 RGB.

    Returns:
        (3, h, w) uint8.

    Reference:
        Reinhard et al. Color transfer between images. IEEE CG&A 2001. We differ: RGB instead of l-alpha-beta.
    """
    x, y = image.float().flatten(1), like.float().flatten(1)
    gain = y.std(1) / x.std(1).clamp(min=_EPS)
    moved = (x - x.mean(1, keepdim=True)) * gain[:, None] + y.mean(1, keepdim=True)
    return moved.round().clamp(0, 255).to(torch.uint8).view_as(image)


def restyled(batch: DetectionBatch, target: DetectionBatch, *, share: float) -> DetectionBatch:
    """Return a batch of which the first images have the colours of target frames.

    Args:
        batch: labelled frames in random order.
        target: frames of the new cameras; frame i lends its colours to image i, in turn.
        share: of the images that are changed, in 0..1.
    """
    count = round(share * len(batch))
    if count == 0 or len(target) == 0:
        return batch
    images = batch.images.clone()
    for i in range(count):
        (height, width), (h, w) = batch.sizes[i].tolist(), target.sizes[i % len(target)].tolist()
        like = target.images[i % len(target), :, :h, :w]
        images[i, :, :height, :width] = colour_transfer(images[i, :, :height, :width], like)
    return replace(batch, images=images)
