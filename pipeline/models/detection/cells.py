"""The cells of a pyramid: where they are, which lie on the frame, and what their outputs mean as boxes."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torchvision.models.detection._utils import BoxCoder

from pipeline.detection_types import DetectorShape

ANCHOR_CODER = BoxCoder(weights=(1.0, 1.0, 1.0, 1.0))


def cell_centres(grid: tuple[int, int], stride: int, *, device: torch.device | None = None) -> Tensor:
    """Return the centres of a level's cells, row by row.

    Args:
        grid: rows and columns.
        stride: side of a cell in pixels.
        device: where the result lives.

    Returns:
        (rows * columns, 2) x and y in pixels.
    """
    y = (torch.arange(grid[0], device=device) + 0.5) * stride
    x = (torch.arange(grid[1], device=device) + 0.5) * stride
    return torch.stack([x.repeat(grid[0]), y.repeat_interleave(grid[1])], dim=1)


def cells_on_frame(grid: tuple[int, int], stride: int, size: Tensor) -> Tensor:
    """Return which cells overlap the frame; the others are padding.

    Args:
        grid: rows and columns.
        stride: side of a cell in pixels.
        size: (2,) height and width of the frame.

    Returns:
        (rows * columns,) bool.
    """
    corners = cell_centres(grid, stride, device=size.device) - stride / 2
    return (corners < size.flip(0)).all(dim=1)


def cell_boxes(grid: tuple[int, int], stride: int, *, device: torch.device | None = None) -> Tensor:
    """Return the cells themselves as (rows * columns, 4) boxes.

    Args:
        grid: rows and columns.
        stride: side of a cell in pixels.
        device: where the result lives.
    """
    centres = cell_centres(grid, stride, device=device)
    return torch.cat([centres - stride / 2, centres + stride / 2], dim=1)


def flatten_cells(maps: Mapping[int, Tensor], *, channels: int) -> Tensor:
    """Lay the outputs of all levels out in one row: level by level, row by row, anchor by anchor.

    Args:
        maps: (B, A * channels, h, w) by stride.
        channels: numbers an anchor.

    Returns:
        (B, cells * A, channels) float32.
    """
    rows = [level.float().unflatten(1, (-1, channels)).permute(0, 3, 4, 1, 2) for level in maps.values()]
    return torch.cat([row.flatten(1, 3) for row in rows], dim=1)


def grids_of(maps: Mapping[int, Tensor]) -> dict[int, tuple[int, int]]:
    """Return rows and columns by stride.

    Args:
        maps: (B, C, h, w) by stride.
    """
    return {stride: (level.shape[2], level.shape[3]) for stride, level in maps.items()}


def place_anchors(cell_anchors: Tensor, grid: tuple[int, int], stride: int) -> Tensor:
    """Return the anchors of a level: each of `cell_anchors` centred on each cell.

    Args:
        cell_anchors: (A, 4) xyxy around the origin.
        grid: rows and columns.
        stride: side of a cell in pixels.

    Returns:
        (rows * columns * A, 4) xyxy.
    """
    centres = cell_centres(grid, stride, device=cell_anchors.device).repeat(1, 2)
    return (centres[:, None] + cell_anchors[None]).flatten(0, 1)


def decode_dense(
    shape: DetectorShape, dense_boxes: Mapping[int, Tensor], *, cell_anchors: Mapping[int, Tensor] | None = None
) -> dict[int, Tensor]:
    """Turn what cells say about their boxes into boxes.

    Args:
        shape: of the detector that spoke; the kind decides how its outputs are read.
        dense_boxes: (B, 4A, h, w) by stride: distances to the four sides in strides ('fcos', A = 1), or offsets of
            anchors ('faster_rcnn').
        cell_anchors: (A, 4) anchors around the origin by stride; 'faster_rcnn' only.

    Returns:
        (B, A, h, w, 4) float32 xyxy by stride, in pixels, not clipped.
    """
    decoded: dict[int, Tensor] = {}
    for stride, level in dense_boxes.items():
        batch, _, rows, columns = level.shape
        flat = flatten_cells({stride: level}, channels=4)
        if shape.kind == "fcos":
            centres = cell_centres((rows, columns), stride, device=level.device)
            boxes = torch.cat([centres - flat[..., :2] * stride, centres + flat[..., 2:] * stride], dim=2)
        else:
            assert cell_anchors is not None, f"the boxes of a {shape.kind} cannot be read without its anchors"
            anchors = place_anchors(cell_anchors[stride], (rows, columns), stride).repeat(batch, 1)
            boxes = ANCHOR_CODER.decode_single(flat.flatten(0, 1), anchors)
        decoded[stride] = boxes.reshape(batch, rows, columns, -1, 4).permute(0, 3, 1, 2, 4)
    return decoded


def flatten_boxes(decoded: Mapping[int, Tensor]) -> Tensor:
    """Lay decoded boxes out in the order of `flatten_cells`.

    Args:
        decoded: (B, A, h, w, 4) by stride.

    Returns:
        (B, cells * A, 4).
    """
    return torch.cat([level.permute(0, 2, 3, 1, 4).flatten(1, 3) for level in decoded.values()], dim=1)
