"""Channel-wise distillation: where each channel looks, as a distribution over the cells."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from pipeline.detection_types import DetectionBatch, DetectorShape, DetectorTaps
from pipeline.errors import ConfigError
from pipeline.losses.detection.levels import Levels, PyramidLevels
from pipeline.losses.detection.objective import check_kinds


def cwd_loss(student: Tensor, teacher: Tensor, *, valid: Tensor, temperature: float = 1.0) -> Tensor:
    """Return ``T^2 / (C B) sum KL(p || q)``, p and q the softmax over cells of each channel of teacher and student.

    Args:
        student: (B, C, h, w).
        teacher: (B, C, h, w); no gradient is sent to it.
        valid: (B, h, w) bool; the softmax is over these cells.
        temperature: T > 0.

    Returns:
        Scalar >= 0; a frame without cells adds nothing.

    Reference:
        Shu et al. Channel-wise knowledge distillation for dense prediction. ICCV 2021. Ours differs: padding takes no
        part.
    """
    outside = ~valid.flatten(1)[:, None]
    rows = []
    for maps in (student, teacher.detach()):
        logits = (maps / temperature).flatten(2).masked_fill(outside, -1e9)
        rows.append(logits.log_softmax(2))
    ours, theirs = rows
    divergence = (theirs.exp() * (theirs - ours)).masked_fill(outside, 0.0).sum()
    return temperature**2 * divergence / max(student.shape[0] * student.shape[1], 1)


class CWD(nn.Module):
    """Objective: sum over levels of `cwd_loss`.

    Args:
        levels: strides to compare; None takes all of the student.
        temperature: T > 0; above 1 more cells are looked at.
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
        temperature: float = 1.0,
        student_shape: DetectorShape,
        teacher_shape: DetectorShape,
    ) -> None:
        super().__init__()
        check_kinds("cwd", self.kinds, student_shape, teacher_shape)
        if temperature <= 0:
            raise ConfigError(f"the temperature of cwd is {temperature}", "a number above 0")
        self.levels = PyramidLevels("cwd", levels, student_shape=student_shape, teacher_shape=teacher_shape)
        self.temperature = temperature

    def forward(self, student: DetectorTaps, teacher: DetectorTaps, batch: DetectionBatch) -> Tensor:
        """Return the loss of one batch.

        Args:
            student: taps of the student.
            teacher: taps of the teacher on the same pixels.
            batch: the batch; its sizes tell padding apart.
        """
        levels = self.levels(student, teacher, batch)
        values = [
            cwd_loss(level.student, level.teacher, valid=level.valid, temperature=self.temperature) for level in levels
        ]
        return torch.stack(values).sum()
