"""Losses of the one-stage detector: is there a person, where does the person end, and how good is the box."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import generalized_box_iou_loss, sigmoid_focal_loss

from pipeline.detection_types import BoxTargets
from pipeline.errors import ConfigError
from pipeline.models.detection.assignment import IGNORED, gather_targets

QUALITIES = ("iou", "centreness")


def fcos_losses(
    predictions: tuple[Tensor, Tensor, Tensor],
    owners: Sequence[Tensor],
    targets: Sequence[BoxTargets],
    *,
    centres: Tensor,
    quality: str = "iou",
) -> dict[str, Tensor]:
    """Return the three terms, each a sum over the cells divided by the sum of the people's weights on them.

    Focal loss on every cell that is not ignored; 1 - GIoU and the quality's cross entropy on cells with a person. All
    terms of a cell with a person are multiplied by the weight of the person's box.

    Args:
        predictions: person logits (B, N), decoded boxes (B, N, 4) and quality logits (B, N).
        owners: for each image (N,) as `assign_cells` returns.
        targets: for each image the boxes that the owners point to.
        centres: (N, 2) centres of the cells.
        quality: what the quality branch learns, 'iou' or 'centreness'.

    Returns:
        'person', 'box' and 'quality', scalars.

    Reference:
        Lin et al. Focal loss for dense object detection. ICCV 2017; Rezatofighi et al. Generalized intersection over
        union. CVPR 2019; Tian et al. FCOS. ICCV 2019 (centreness); Wu et al. IoU-aware single-stage object detector
        for accurate localization. 2019 (IoU).
    """
    logits, boxes, fit = predictions
    owner = torch.stack(list(owners))
    gathered = [gather_targets(target, own) for target, own in zip(targets, owner, strict=True)]
    wanted, weights = (torch.stack(parts) for parts in zip(*gathered, strict=True))
    positive = owner >= 0
    total = weights.sum().clamp(min=1.0)
    each = sigmoid_focal_loss(logits, positive.to(logits))
    each = each * torch.where(positive, weights, (owner != IGNORED).to(logits))
    wanted, weights, found = wanted[positive], weights[positive], boxes[positive]
    box = generalized_box_iou_loss(found, wanted)
    if quality == "iou":
        goal = paired_iou(found.detach(), wanted)
    else:
        goal = centreness(centres.expand(len(owner), -1, -1)[positive], wanted)
    fitness = F.binary_cross_entropy_with_logits(fit[positive], goal, reduction="none")
    return {
        "person": each.sum() / total,
        "box": (box * weights).sum() / total,
        "quality": (fitness * weights).sum() / total,
    }


def check_quality(name: str) -> None:
    """Raise ConfigError when there is no such quality."""
    if name not in QUALITIES:
        raise ConfigError(f"quality is {name!r}", f"one of {', '.join(QUALITIES)}")


def paired_iou(first: Tensor, second: Tensor) -> Tensor:
    """Return the IoU of each pair of boxes.

    Args:
        first: (N, 4) xyxy.
        second: (N, 4) xyxy.
    """
    sides = (torch.minimum(first[:, 2:], second[:, 2:]) - torch.maximum(first[:, :2], second[:, :2])).clamp(min=0)
    shared = sides.prod(dim=1)
    areas = [(boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(dim=1) for boxes in (first, second)]
    return shared / (areas[0] + areas[1] - shared).clamp(min=1e-7)


def centreness(centres: Tensor, boxes: Tensor) -> Tensor:
    """Return sqrt(min(l, r) / max(l, r) * min(t, b) / max(t, b)) of cells in their boxes, 0 outside.

    Args:
        centres: (N, 2) x and y.
        boxes: (N, 4) xyxy.
    """
    low, high = (centres - boxes[:, :2]).clamp(min=0), (boxes[:, 2:] - centres).clamp(min=0)
    ratios = torch.minimum(low, high) / torch.maximum(low, high).clamp(min=1e-7)
    return ratios.prod(dim=1).sqrt()
