"""What dense heads say, as rows: one for each anchor of each cell of each frame, padding left out."""

import math

import torch
from torch import Tensor

# As in torchvision's box coder: a wild step must not overflow the exponential.
MAX_GROWTH = math.log(1000.0 / 16)


def logit_rows(logits: Tensor, valid: Tensor) -> Tensor:
    """Return the logits of the cells of the frames.

    Args:
        logits: (B, A, h, w).
        valid: (B, h, w) bool.

    Returns:
        (M A,) for M valid cells.
    """
    return logits.permute(0, 2, 3, 1)[valid].flatten()


def box_rows(boxes: Tensor, valid: Tensor) -> Tensor:
    """Return what the cells of the frames say about their boxes.

    Args:
        boxes: (B, 4A, h, w), the four numbers of an anchor side by side.
        valid: (B, h, w) bool.

    Returns:
        (M A, 4) for M valid cells, in the order of `logit_rows`.
    """
    return boxes.permute(0, 2, 3, 1)[valid].reshape(-1, 4)


def from_distances(rows: Tensor) -> Tensor:
    """Return the boxes of a one-stage detector around its cell, which lies at 0.

    Args:
        rows: (N, 4) distances >= 0 to left, top, right and bottom.

    Returns:
        (N, 4) xyxy in the unit of the distances.
    """
    return torch.cat([-rows[:, :2], rows[:, 2:]], dim=1)


def from_offsets(rows: Tensor) -> Tensor:
    """Return the boxes of a proposal network around its anchor, in units of the anchor: centre 0, sides 1.

    The overlap of two boxes that start from one anchor is the same in these units as in pixels.

    Args:
        rows: (N, 4) dx, dy, dw, dh.

    Returns:
        (N, 4) xyxy.
    """
    half = rows[:, 2:].clamp(max=MAX_GROWTH).exp() / 2
    return torch.cat([rows[:, :2] - half, rows[:, :2] + half], dim=1)


BOXES_OF_KIND = {"fcos": from_distances, "faster_rcnn": from_offsets}
