"""Anchors in the shape of an upright person."""

from collections.abc import Sequence

import torch
from torch import Tensor

from pipeline.errors import ConfigError
from pipeline.models.detection.levels import ASPECT


def pedestrian_anchors(stride: int, scales: Sequence[float], *, aspect: float = ASPECT) -> Tensor:
    """Return the anchors of a level around the origin: `scale` strides high, `aspect` times as wide.

    Args:
        stride: pixels a cell.
        scales: heights in strides.
        aspect: width / height.

    Returns:
        (len(scales), 4) float32 xyxy, not rounded.

    Raises:
        ConfigError: a number is not positive, or there is no scale.
    """
    if not scales or min(scales) <= 0:
        raise ConfigError(
            f"anchor_scales is {list(scales)}", "one to three positive heights in strides, such as [4, 5.7]"
        )
    if aspect <= 0:
        raise ConfigError(f"anchor_aspect is {aspect}", "a positive width / height, such as 0.41")
    heights = torch.tensor([float(scale) * stride for scale in scales])
    corner = torch.stack([aspect * heights, heights], dim=1) / 2
    return torch.cat([-corner, corner], dim=1)
