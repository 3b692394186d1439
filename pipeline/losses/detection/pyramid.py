"""Distillation of the pyramid: the student's feature maps follow the teacher's, level by level."""

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from pipeline.detection_types import DetectionBatch, DetectorShape, DetectorTaps
from pipeline.errors import ConfigError
from pipeline.losses.detection.levels import Level, Levels, PyramidLevels
from pipeline.losses.detection.masks import foreground_cells
from pipeline.losses.detection.objective import check_kinds, trusted_boxes
from pipeline.losses.detection.statistics import standardised

Mask = Literal["none", "foreground"]


def pyramid_loss(student: Tensor, teacher: Tensor, *, cells: Tensor) -> Tensor:
    """Return the mean of ``(s - t)^2`` over chosen cells and all channels of one level.

    Args:
        student: (B, C, h, w).
        teacher: (B, C, h, w); no gradient is sent to it.
        cells: (B, h, w) bool.

    Returns:
        Scalar >= 0; 0 where no cell is chosen.

    Reference:
        Chen, Ai et al. Learning lightweight pedestrian detector with hierarchical knowledge distillation. ICIP 2019
        (pyramid level; the paper's exact normalisation is not public, the mean over elements is ours).
    """
    chosen = cells[:, None].to(student.dtype)
    squared = (student - teacher.detach()).square() * chosen
    return squared.sum() / (chosen.sum() * student.shape[1]).clamp(min=1)


class Pyramid(nn.Module):
    """Objective: mean over levels of `pyramid_loss`; padding never counts.

    Args:
        levels: strides to compare; None takes all of the student.
        mask: ``none`` takes all cells of a frame, ``foreground`` those that people cover, in the spirit of FGFI and
            FGD: background and the finest level outnumber people by far.
        normalise: compare channels at mean 0 and deviation 1, as PKD does, for a teacher with frozen and a student
            with live batch statistics.
        student_shape: of the student.
        teacher_shape: of the teacher.
    """

    reads: ClassVar[tuple[str, ...]] = ("pyramid",)
    kinds: ClassVar[tuple[str, ...]] = ("faster_rcnn", "fcos")
    needs_targets: bool = False

    def __init__(
        self,
        *,
        levels: Levels = None,
        mask: Mask = "none",
        normalise: bool = False,
        student_shape: DetectorShape,
        teacher_shape: DetectorShape,
    ) -> None:
        super().__init__()
        check_kinds("pyramid", self.kinds, student_shape, teacher_shape)
        if mask not in ("none", "foreground"):
            raise ConfigError(f"the mask of pyramid is {mask!r}", "none or foreground")
        self.levels = PyramidLevels("pyramid", levels, student_shape=student_shape, teacher_shape=teacher_shape)
        self.needs_targets = mask == "foreground"
        self.normalise = normalise

    def forward(self, student: DetectorTaps, teacher: DetectorTaps, batch: DetectionBatch) -> Tensor:
        """Return the loss of one batch.

        Args:
            student: taps of the student.
            teacher: taps of the teacher on the same pixels.
            batch: the batch; its sizes tell padding apart, its boxes people.
        """
        values = [self._level(level, batch) for level in self.levels(student, teacher, batch)]
        return torch.stack(values).mean()

    def _level(self, level: Level, batch: DetectionBatch) -> Tensor:
        cells, ours, theirs = level.valid, level.student, level.teacher
        if self.normalise:
            ours, theirs = standardised(ours, level.valid), standardised(theirs, level.valid)
        if self.needs_targets:
            boxes = trusted_boxes("pyramid", batch, ours.device)
            cells = cells & foreground_cells(boxes, level.stride, (ours.shape[2], ours.shape[3]))
        return pyramid_loss(ours, theirs, cells=cells)
