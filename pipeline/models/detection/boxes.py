"""Boxes of one image: clipped, cleaned, and compared with the regions in which nothing is right or wrong."""

import torch
from torch import Tensor

from pipeline.detection_types import BoxTargets

IGNORE_OVERLAP = 0.5
MIN_SIDE = 1.0
_REGIONS_AT_ONCE = 256


def clip_boxes(boxes: Tensor, size: Tensor) -> Tensor:
    """Cut boxes off at the border of the frame.

    Args:
        boxes: (..., 4) xyxy.
        size: (2,) height and width of the frame.
    """
    height, width = size.to(boxes).unbind()
    limits = torch.stack([width, height, width, height])
    return torch.minimum(boxes.clamp(min=0), limits)


def has_area(boxes: Tensor, *, side: float = MIN_SIDE) -> Tensor:
    """Return which boxes are finite and at least `side` wide and high.

    Args:
        boxes: (N, 4) xyxy.
        side: shortest side in pixels.
    """
    sides = boxes[:, 2:] - boxes[:, :2]
    return torch.isfinite(boxes).all(dim=1) & (sides >= side).all(dim=1)


def visible_targets(target: BoxTargets, size: Tensor) -> BoxTargets:
    """Return what a detector can be asked for: the parts of boxes inside the frame, without those that have none.

    Detections are clipped as well, so that a box that leaves the frame is learnt as it will be answered.

    Args:
        target: boxes as annotated; they may leave the frame or be degenerate.
        size: (2,) height and width of the frame.
    """
    boxes = clip_boxes(target.boxes.float(), size)
    kept = has_area(boxes)
    regions = clip_boxes(target.ignored.float(), size)
    return BoxTargets(
        boxes=boxes[kept], weights=target.weights[kept].to(boxes), ignored=regions[has_area(regions, side=0.0)]
    )


def is_covered(boxes: Tensor, regions: Tensor, *, overlap: float = IGNORE_OVERLAP) -> Tensor:
    """Return which boxes lie in a region: intersection / own area >= `overlap` for at least one region.

    Args:
        boxes: (N, 4) xyxy; a box without area is never covered.
        regions: (M, 4) xyxy.
        overlap: share of the box's area.

    Returns:
        (N,) bool.
    """
    area = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(dim=1)
    covered = torch.zeros(len(boxes), dtype=torch.bool, device=boxes.device)
    # In portions: a crowd of regions times every cell of a large frame would fill the memory.
    for part in regions.split(_REGIONS_AT_ONCE):
        low = torch.maximum(boxes[:, None, :2], part[None, :, :2])
        high = torch.minimum(boxes[:, None, 2:], part[None, :, 2:])
        shared = (high - low).clamp(min=0).prod(dim=2)
        covered |= (shared >= overlap * area[:, None]).any(dim=1)
    return covered & (area > 0)
