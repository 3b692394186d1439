"""The regions on which a one-stage detector and its teacher are compared: people, near misses and background."""

import math

import torch
from torch import Tensor

from pipeline.models.detection.boxes import MIN_SIDE, clip_boxes
from pipeline.models.detection.levels import ASPECT

_SHIFT = 0.25
_SCALE = math.log(1.4)
_SMALLEST = 16.0


def choose_regions(people: Tensor, own: Tensor, size: Tensor, *, count: int) -> Tensor:
    """Return `count` boxes: up to half of them people, then the detector's own, then half jittered, half background.

    Randomness comes from torch's global generator on the CPU, so that a seed gives the same boxes on every device.

    Args:
        people: (N, 4) annotated boxes inside the frame.
        own: (K, 4) the detector's best boxes, descending.
        size: (2,) height and width of the frame.
        count: number of boxes.

    Returns:
        (count, 4) inside the frame.
    """
    people = people[torch.randperm(len(people))[: count // 2].to(people.device)]
    known = torch.cat([people, own[: count // 4].to(people)])
    jittered = (count - len(known)) // 2 if len(known) else 0
    parts = [known, jitter_boxes(known, jittered), random_people(size, count - len(known) - jittered)]
    return clip_boxes(_grown(torch.cat(parts), size), size)


def jitter_boxes(boxes: Tensor, count: int) -> Tensor:
    """Return moved and scaled copies of random boxes.

    Args:
        boxes: (N, 4) xyxy, at least one where count > 0.
        count: number of copies.
    """
    if not count:
        return boxes[:0]
    chosen = boxes[torch.randint(len(boxes), (count,)).to(boxes.device)]
    noise = (torch.rand(count, 4) * 2 - 1).to(boxes)
    sides = chosen[:, 2:] - chosen[:, :2]
    centres = (chosen[:, :2] + chosen[:, 2:]) / 2 + noise[:, :2] * _SHIFT * sides
    half = sides * (noise[:, 2:] * _SCALE).exp() / 2
    return torch.cat([centres - half, centres + half], dim=1)


def random_people(size: Tensor, count: int) -> Tensor:
    """Return upright boxes anywhere on a frame, their heights log-uniform up to the frame's.

    Args:
        size: (2,) height and width of the frame.
        count: number of boxes.
    """
    draws = torch.rand(count, 3).to(size.device)
    height, width = size.float().unbind()
    smallest = height.clamp(max=_SMALLEST)
    heights = smallest * (height / smallest) ** draws[:, 0]
    half = torch.stack([ASPECT * heights, heights], dim=1) / 2
    centres = draws[:, 1:] * torch.stack([width, height])
    return torch.cat([centres - half, centres + half], dim=1)


def _grown(boxes: Tensor, size: Tensor) -> Tensor:
    """Move boxes so that at least a pixel of each lies on the frame, and give each at least a pixel."""
    limits = size.flip(0).to(boxes)
    low = torch.minimum(boxes[:, :2].clamp(min=0), limits - MIN_SIDE).clamp(min=0)
    return torch.cat([low, torch.maximum(boxes[:, 2:], low + MIN_SIDE)], dim=1)
