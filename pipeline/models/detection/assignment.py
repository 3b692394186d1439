"""Who learns what: the person that each cell, anchor or proposal is responsible for."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor
from torchvision.models.detection._utils import Matcher
from torchvision.ops import box_iou

from pipeline.detection_types import BoxTargets
from pipeline.models.detection.boxes import clip_boxes, is_covered
from pipeline.models.detection.cells import cell_boxes, cells_on_frame
from pipeline.models.detection.levels import LEVEL_FACTOR, assign_levels

BACKGROUND = -1
IGNORED = -2


def assign_cells(
    target: BoxTargets,
    size: Tensor,
    grids: Mapping[int, tuple[int, int]],
    *,
    radius: float,
    factor: float = LEVEL_FACTOR,
) -> Tensor:
    """Assign cells to people by centre sampling on the level of each person's height.

    A cell belongs to a person when its centre lies in the box and nearer than radius * stride (in x and in y) to the
    box's centre; the cell that holds the box's centre always does. Among several people the smallest one takes it. A
    cell without a person is ignored when half of its part on the frame lies in an ignored region, or when
    it has no such part.

    Args:
        target: boxes inside the frame.
        size: (2,) height and width of the frame.
        grids: rows and columns by stride, ascending.
        radius: of the sampled centre, in strides.
        factor: see `assign_levels`.

    Returns:
        (cells,) int64 position of the box, BACKGROUND or IGNORED; level by level, row by row.

    Reference:
        Tian et al. FCOS: fully convolutional one-stage object detection. ICCV 2019. There each cell's farthest side
        decides the level; here the person's height, so that a person's cells are all on one level, and nobody is too
        narrow to have one.
    """
    areas = (target.boxes[:, 2:] - target.boxes[:, :2]).prod(dim=1)
    order = areas.argsort(stable=True)
    boxes = target.boxes[order]
    levels = assign_levels(boxes, tuple(grids), factor=factor)
    parts = []
    for position, (stride, grid) in enumerate(grids.items()):
        chosen = (levels == position).nonzero().squeeze(1)
        owner = _owners(boxes[chosen], grid, stride, radius=radius)
        is_owned = owner < len(chosen)
        part = torch.where(cells_on_frame(grid, stride, size), BACKGROUND, IGNORED)
        part[is_owned] = order[chosen[owner[is_owned]]]
        cells = clip_boxes(cell_boxes(grid, stride, device=boxes.device), size)
        parts.append(spare_covered(part, cells, target.ignored))
    return torch.cat(parts)


def _owners(boxes: Tensor, grid: tuple[int, int], stride: int, *, radius: float) -> Tensor:
    """Return for each cell the first of the boxes that claims it, or their number."""
    rows, columns = grid
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    limits = torch.tensor([columns - 1, rows - 1], device=boxes.device)
    home = torch.minimum((centres / stride).floor().long(), limits)
    reach = math.ceil(radius)
    steps = torch.arange(-reach, reach + 1, device=boxes.device)
    cells = home[:, None] + torch.cartesian_prod(steps, steps)[None]
    points = (cells + 0.5) * stride
    claimed = ((points - centres[:, None]).abs() < radius * stride).all(dim=2)
    claimed &= ((points > boxes[:, None, :2]) & (points < boxes[:, None, 2:])).all(dim=2)
    claimed |= (cells == home[:, None]).all(dim=2)
    claimed &= ((cells >= 0) & (cells <= limits)).all(dim=2)
    owner = torch.full((rows * columns,), len(boxes), device=boxes.device)
    box, candidate = claimed.nonzero().unbind(dim=1)
    place = cells[box, candidate]
    return owner.scatter_reduce(0, place[:, 1] * columns + place[:, 0], box, "amin")


def match_boxes(target: BoxTargets, boxes: Tensor, *, high: float, low: float, keep_best: bool) -> Tensor:
    """Assign boxes (anchors, proposals) to people by overlap.

    IoU >= high matches, IoU < low is background, what lies between is ignored.

    Args:
        target: boxes inside the frame.
        boxes: (N, 4) xyxy.
        high: least IoU of a match.
        low: IoU below which a box is background.
        keep_best: the boxes that overlap a person most match it even below `high`.

    Returns:
        (N,) int64 position of the person, BACKGROUND or IGNORED.
    """
    matched = torch.full((len(boxes),), BACKGROUND, device=boxes.device)
    if len(target.boxes) and len(boxes):
        overlaps = box_iou(target.boxes, boxes)
        matched = Matcher(high, low, allow_low_quality_matches=keep_best)(overlaps)
        # A person whom no box touches has every box as its best.
        matched[overlaps.amax(dim=0) <= 0] = BACKGROUND
    return matched


def spare_covered(matched: Tensor, boxes: Tensor, regions: Tensor) -> Tensor:
    """Turn background with half of its area in an ignored region into IGNORED.

    A person goes before a region, as in the evaluation: a region may well be somebody hidden behind that person.

    Args:
        matched: (N,) as assigned.
        boxes: (N, 4) xyxy, what is on the frame of each entry.
        regions: (M, 4) xyxy.
    """
    return torch.where((matched == BACKGROUND) & is_covered(boxes, regions), IGNORED, matched)


def gather_targets(target: BoxTargets, matched: Tensor) -> tuple[Tensor, Tensor]:
    """Return the box and the weight that each entry learns; zeros where it learns none.

    Args:
        target: boxes inside the frame.
        matched: (N,) as assigned.

    Returns:
        (N, 4) boxes and (N,) weights.
    """
    boxes = target.boxes.new_zeros(len(matched), 4)
    weights = target.weights.new_zeros(len(matched))
    positive = matched >= 0
    boxes[positive] = target.boxes[matched[positive]]
    weights[positive] = target.weights[matched[positive]]
    return boxes, weights
