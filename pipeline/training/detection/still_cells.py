"""A teacher's answers before fixed cameras, without the people that it sees in furniture."""

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.detection_types import DetectorTaps

# A person's probability of 0.01, which is what a fresh detector says of everything.
NOBODY = -4.595


def still_cells(foreground: Tensor, grid: tuple[int, int], stride: int) -> Tensor:
    """Return the cells in and around which nothing moves; where the background is unknown something may.

    Args:
        foreground: (B, H, W) uint8 of 0 (background), 1 (foreground) and 2 (unknown).
        grid: rows and columns of cells.
        stride: side of a cell in pixels.

    Returns:
        (B, rows, columns) bool.
    """
    rows, columns = grid
    moves = (foreground != 0).float()[:, None]
    height, width = rows * stride, columns * stride
    moves = F.pad(moves[..., :height, :width], (0, max(0, width - moves.shape[3]), 0, max(0, height - moves.shape[2])),
                  value=1.0)  # fmt: skip
    near = F.max_pool2d(moves, 3 * stride, stride=stride, padding=stride)
    return near[:, 0] == 0


def without_furniture(answer: DetectorTaps, foreground: Tensor) -> DetectorTaps:
    """Return a teacher's answer in which nobody stands where nothing moves.

    Its person logits on still cells are at most that of probability 0.01. Features and boxes stay.

    Args:
        answer: with dense logits, or without any.
        foreground: (B, H, W) uint8 of the frames that it answered on, as in `DetectionBatch`.
    """
    lowered = {}
    for stride, logits in answer.dense_logits.items():
        still = still_cells(foreground.to(logits.device), (logits.shape[2], logits.shape[3]), stride)
        lowered[stride] = torch.where(still[:, None], logits.clamp(max=NOBODY), logits)
    return replace(answer, dense_logits=lowered)
