"""Which cells of a feature map belong to a frame, and which to its people."""

from collections.abc import Sequence

import torch
from torch import Tensor

Grid = tuple[int, int]
# Boxes that are spread over a grid at a time: memory stays flat with thousands of them.
CHUNK = 64


def valid_cells(sizes: Tensor, stride: int, grid: Grid) -> Tensor:
    """Mark the cells that see a pixel of their frame; cell (i, j) covers the pixels from (i stride, j stride) on.

    Args:
        sizes: (B, 2) height and width of each frame inside its image, in pixels.
        stride: pixels along a side of a cell.
        grid: height and width of the feature map.

    Returns:
        (B, h, w) bool; a frame of 1x1 has one cell on every level.
    """
    height, width = grid
    rows = torch.arange(height, device=sizes.device) * stride < sizes[:, :1]
    columns = torch.arange(width, device=sizes.device) * stride < sizes[:, 1:]
    return rows[:, :, None] & columns[:, None, :]


def box_cells(boxes: Tensor, stride: int, grid: Grid) -> tuple[Tensor, Tensor, Tensor]:
    """Return the rows and columns of cells that each box covers: from floor(x1 / stride) to ceil(x2 / stride), both in.

    Args:
        boxes: (N, 4) xyxy in pixels; one without an area covers nothing, what lies outside the grid is cut off.
        stride: pixels along a side of a cell.
        grid: height and width of the feature map.

    Returns:
        (N, h) bool rows, (N, w) bool columns, and (N,) number of cells before anything is cut off.

    Reference:
        Yang et al. Focal and global knowledge distillation for detectors. CVPR 2022 (its inclusive upper end counts
        one cell more on each side than the box touches).
    """
    scaled = boxes.double() / stride
    low, high = scaled[:, :2].floor(), scaled[:, 2:].ceil()
    has_area = (boxes[:, 2:] > boxes[:, :2]).all(1, keepdim=True)
    spans = []
    for axis, cells in ((1, grid[0]), (0, grid[1])):
        position = torch.arange(cells, device=boxes.device)
        inside = (position >= low[:, axis : axis + 1]) & (position <= high[:, axis : axis + 1])
        spans.append(inside & has_area)
    return spans[0], spans[1], (high - low + 1).prod(1)


def foreground_cells(boxes: Sequence[Tensor], stride: int, grid: Grid) -> Tensor:
    """Mark the cells that any box of the image covers, as `box_cells` counts them.

    Args:
        boxes: for each image (N, 4) xyxy in pixels, possibly none.
        stride: pixels along a side of a cell.
        grid: height and width of the feature map.

    Returns:
        (B, h, w) bool; padding is not looked at.
    """
    marks = []
    for of_image in boxes:
        rows, columns, _ = box_cells(of_image, stride, grid)
        # A product of matrices counts the boxes over each cell without an (N, h, w) tensor.
        marks.append(rows.T.float() @ columns.float() > 0)
    return torch.stack(marks)


def masked_softmax(logits: Tensor, valid: Tensor) -> Tensor:
    """Return the softmax over the last dimension among valid entries; others are 0, and so is a row without any.

    Args:
        logits: (..., K).
        valid: bool, broadcast over `logits`.
    """
    low = torch.finfo(logits.dtype).min
    return logits.masked_fill(~valid, low).softmax(-1) * valid
