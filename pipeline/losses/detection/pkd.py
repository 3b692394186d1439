"""Distillation by correlation: each channel of a level follows the teacher's up to its own scale and shift."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from pipeline.detection_types import DetectionBatch, DetectorShape, DetectorTaps
from pipeline.losses.detection.levels import Levels, PyramidLevels
from pipeline.losses.detection.objective import check_kinds
from pipeline.losses.detection.statistics import standardised


def pkd_loss(student: Tensor, teacher: Tensor, *, valid: Tensor) -> Tensor:
    """Return half the mean of ``(n_s - n_t)^2``, n the channels at mean 0 and deviation 1 over images and cells.

    That is ``(1 - r) (n - 1) / n`` for n cells with the correlation r of the two channels.

    Args:
        student: (B, C, h, w).
        teacher: (B, C, h, w); no gradient is sent to it.
        valid: (B, h, w) bool, cells of the frames.

    Returns:
        Scalar in 0..2; a channel that does not vary counts as 0.

    Reference:
        Cao et al. PKD: general distillation framework for object detectors via Pearson correlation coefficient.
        NeurIPS 2022. Ours differs: padding takes no part in the statistics, and a channel without variation has no
        gradient.
    """
    squared = (standardised(student, valid) - standardised(teacher.detach(), valid)).square()
    return 0.5 * squared.sum() / (valid.sum() * student.shape[1]).clamp(min=1)


class PKD(nn.Module):
    """Objective: sum over levels of `pkd_loss`, so that the weight is the published one of each level (6 to 10).

    Args:
        levels: strides to compare; None takes all of the student, the authors leave the coarsest out.
        student_shape: of the student.
        teacher_shape: of the teacher.
    """

    reads: ClassVar[tuple[str, ...]] = ("pyramid",)
    kinds: ClassVar[tuple[str, ...]] = ("faster_rcnn", "fcos")
    needs_targets: bool = False

    def __init__(self, *, levels: Levels = None, student_shape: DetectorShape, teacher_shape: DetectorShape) -> None:
        super().__init__()
        check_kinds("pkd", self.kinds, student_shape, teacher_shape)
        self.levels = PyramidLevels("pkd", levels, student_shape=student_shape, teacher_shape=teacher_shape)

    def forward(self, student: DetectorTaps, teacher: DetectorTaps, batch: DetectionBatch) -> Tensor:
        """Return the loss of one batch.

        Args:
            student: taps of the student.
            teacher: taps of the teacher on the same pixels.
            batch: the batch; its sizes tell padding apart.
        """
        levels = self.levels(student, teacher, batch)
        values = [pkd_loss(level.student, level.teacher, valid=level.valid) for level in levels]
        return torch.stack(values).sum()
