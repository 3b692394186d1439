"""Fine-grained feature imitation: the cells around people, as anchors near them mark them, follow the teacher."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torchvision.ops import box_iou

from pipeline.detection_types import DetectionBatch, DetectorShape, DetectorTaps
from pipeline.errors import ConfigError
from pipeline.losses.detection.levels import Levels, PyramidLevels
from pipeline.losses.detection.masks import CHUNK, Grid
from pipeline.losses.detection.objective import check_kinds, trusted_boxes

# Width over height of a walking person, the ratio that the evaluation of pedestrian detectors settled on.
PEDESTRIAN_RATIO = 0.41


def pedestrian_anchors(stride: int, grid: Grid, *, heights: Sequence[float], device: torch.device) -> Tensor:
    """Return upright boxes of a pedestrian's shape around the centre of each cell.

    Args:
        stride: pixels along a side of a cell.
        grid: height and width of the feature map.
        heights: of the boxes, in units of the stride.
        device: where they are wanted.

    Returns:
        (h, w, A, 4) xyxy in pixels.
    """
    y = (torch.arange(grid[0], device=device) + 0.5) * stride
    x = (torch.arange(grid[1], device=device) + 0.5) * stride
    half = torch.tensor(heights, dtype=torch.float32, device=device) * stride / 2
    centres = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)[:, :, None, :]
    sides = torch.stack([PEDESTRIAN_RATIO * half, half], dim=-1)
    return torch.cat([centres - sides, centres + sides], dim=-1)


def imitation_cells(anchors: Sequence[Tensor], boxes: Tensor, *, share: float = 0.5) -> list[Tensor]:
    """Mark the cells that hold an anchor with ``IoU > share * best IoU`` for any box of the image.

    Args:
        anchors: for each level (h, w, A, 4) xyxy; the best one of a box is searched over all levels.
        boxes: (N, 4) xyxy in pixels, possibly none; a box that no anchor touches marks nothing.
        share: of the best intersection over union.

    Returns:
        for each level (h, w) bool.

    Reference:
        Wang, Yuan, Zhang, Feng. Distilling object detectors with fine-grained feature imitation. CVPR 2019 (one
        level there).
    """
    flat = torch.cat([level.reshape(-1, 4) for level in anchors]).float()
    near = torch.zeros(len(flat), dtype=torch.bool, device=flat.device)
    for at in range(0, len(boxes), CHUNK):
        overlaps = box_iou(boxes[at : at + CHUNK].float(), flat)
        near |= (overlaps > share * overlaps.amax(1, keepdim=True)).any(0)
    counts = [level.shape[:3].numel() for level in anchors]
    return [part.view(level.shape[:3]).any(2) for part, level in zip(near.split(counts), anchors, strict=True)]


def fgfi_loss(student: Sequence[Tensor], teacher: Sequence[Tensor], cells: Sequence[Tensor]) -> Tensor:
    """Return ``sum M |s - t|^2 / (2 sum M)`` over the cells of all levels.

    Args:
        student: for each level (B, C, h, w).
        teacher: for each level (B, C, h, w); no gradient is sent to it.
        cells: for each level (B, h, w) bool M.

    Returns:
        Scalar >= 0; 0 where no cell is marked.

    Reference:
        As for `imitation_cells`.
    """
    sums, counts = [], []
    for ours, theirs, mask in zip(student, teacher, cells, strict=True):
        sums.append(((ours - theirs.detach()).square() * mask[:, None]).sum())
        counts.append(mask.sum())
    return torch.stack(sums).sum() / (2 * torch.stack(counts).sum().clamp(min=1))


class FGFI(nn.Module):
    """Objective: `fgfi_loss` with pedestrian anchors on every level, whatever anchors the detectors themselves have.

    Args:
        levels: strides to compare; None takes all of the student.
        share: of the best overlap from which on an anchor's cell is imitated; above 0 and below 1.
        heights: of the anchors, in units of the stride; neighbouring levels lie a factor of 2 apart.
        student_shape: of the student.
        teacher_shape: of the teacher.

    Reference:
        Wang et al. CVPR 2019. Ours differs: several levels, 1x1 connectors (only where widths differ) instead of a
        3x3 convolution with ReLU, and no pause in the first steps.
    """

    reads: ClassVar[tuple[str, ...]] = ("pyramid",)
    kinds: ClassVar[tuple[str, ...]] = ("faster_rcnn", "fcos")
    needs_targets: bool = True

    def __init__(
        self,
        *,
        levels: Levels = None,
        share: float = 0.5,
        heights: tuple[float, ...] = (8.0, 11.3),
        student_shape: DetectorShape,
        teacher_shape: DetectorShape,
    ) -> None:
        super().__init__()
        check_kinds("fgfi", self.kinds, student_shape, teacher_shape)
        if not 0 < share < 1:
            raise ConfigError(f"share of fgfi is {share}", "a number above 0 and below 1")
        if not heights or min(heights) <= 0:
            raise ConfigError(f"heights of fgfi are {list(heights)}", "one or more numbers above 0")
        self.levels = PyramidLevels("fgfi", levels, student_shape=student_shape, teacher_shape=teacher_shape)
        self.share, self.heights = share, tuple(heights)

    def forward(self, student: DetectorTaps, teacher: DetectorTaps, batch: DetectionBatch) -> Tensor:
        """Return the loss of one batch.

        Args:
            student: taps of the student.
            teacher: taps of the teacher on the same pixels.
            batch: the batch; its sizes tell padding apart, its boxes people.
        """
        levels = self.levels(student, teacher, batch)
        device = levels[0].student.device
        anchors = [
            pedestrian_anchors(
                level.stride, (level.valid.shape[1], level.valid.shape[2]), heights=self.heights, device=device
            )
            for level in levels
        ]
        images = [imitation_cells(anchors, b, share=self.share) for b in trusted_boxes("fgfi", batch, device)]
        cells = [
            torch.stack(marks) & level.valid for marks, level in zip(zip(*images, strict=True), levels, strict=True)
        ]
        return fgfi_loss([level.student for level in levels], [level.teacher for level in levels], cells)
