"""Which annotated person each region is about, and the offsets that a box head should give there."""

import torch
from torch import Tensor
from torchvision.ops import box_iou

from pipeline.detection_types import BoxTargets

# The scales in which torchvision's two-stage detectors express offsets.
OFFSET_SCALES = (10.0, 10.0, 5.0, 5.0)
SHORTEST_SIDE = 1e-3


def box_offsets(regions: Tensor, boxes: Tensor) -> Tensor:
    """Return what a two-stage box head should say: centre shifts in units of the region, and logarithms of its growth.

    Args:
        regions: (R, 4) xyxy, the boxes to start from; sides below a thousandth of a pixel count as that long.
        boxes: (R, 4) xyxy, the boxes to reach.

    Returns:
        (R, 4) dx, dy, dw, dh times 10, 10, 5, 5.

    Reference:
        Ren et al. Faster R-CNN. NIPS 2015; scales as in torchvision.
    """
    start, goal = (box[:, 2:].sub(box[:, :2]).clamp(min=SHORTEST_SIDE) for box in (regions, boxes))
    shift = ((boxes[:, :2] + goal / 2) - (regions[:, :2] + start / 2)) / start
    return torch.cat([shift, (goal / start).log()], dim=1) * shift.new_tensor(OFFSET_SCALES)


def inside_frame(targets: BoxTargets, size: Tensor) -> BoxTargets:
    """Return the people with their boxes cut off at the border of the frame, as detectors learn and answer them.

    Args:
        targets: people of one image.
        size: (2,) height and width of the frame.
    """
    height, width = size.to(targets.boxes).unbind()
    boxes = torch.minimum(targets.boxes.clamp(min=0), torch.stack([width, height, width, height]))
    return BoxTargets(boxes, targets.weights, targets.ignored)


def matched_offsets(regions: Tensor, targets: BoxTargets, *, overlap: float = 0.5) -> tuple[Tensor, Tensor]:
    """Return for each region the offsets to the person that it overlaps most.

    Args:
        regions: (R, 4) xyxy boxes of one image.
        targets: people of that image.
        overlap: intersection over union from which on a region is about a person.

    Returns:
        (R, 4) offsets and (R,) weights: that of the person, or 0 for background, whose offsets are 0.
    """
    boxes, weights = targets.boxes.to(regions.device), targets.weights.to(regions.device)
    if len(boxes) == 0 or len(regions) == 0:
        return regions.new_zeros(len(regions), 4), regions.new_zeros(len(regions))
    best, person = box_iou(regions.float(), boxes.float()).max(1)
    is_matched = best >= overlap
    offsets = box_offsets(regions.float(), boxes[person].float())
    return offsets * is_matched[:, None], weights[person] * is_matched
