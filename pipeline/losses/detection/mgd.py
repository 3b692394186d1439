"""Masked generative distillation: from a part of the student's cells a small network has to draw the teacher's map."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from pipeline.detection_types import DetectionBatch, DetectorShape, DetectorTaps
from pipeline.errors import ConfigError
from pipeline.losses.detection.levels import Level, Levels, PyramidLevels
from pipeline.losses.detection.objective import check_kinds


def mgd_loss(generated: Tensor, teacher: Tensor, *, valid: Tensor) -> Tensor:
    """Return ``sum (g - t)^2 / B`` over all valid cells and channels.

    Args:
        generated: (B, C, h, w) drawn from the student's masked map.
        teacher: (B, C, h, w); no gradient is sent to it.
        valid: (B, h, w) bool, cells of the frames.

    Returns:
        Scalar >= 0.

    Reference:
        Yang et al. Masked generative distillation. ECCV 2022. Ours differs: padding does not count.
    """
    squared = (generated - teacher.detach()).square() * valid[:, None]
    return squared.sum() / max(len(generated), 1)


def kept_cells(like: Tensor, *, drop: float) -> Tensor:
    """Return (B, 1, h, w) of 0 and 1 that drops each cell with a probability, in all channels at once.

    Args:
        like: (B, C, h, w); gives shape, type and device.
        drop: probability, 0..1, from torch's own generator, which the training loop seeds by the step.
    """
    shape = (like.shape[0], 1, like.shape[2], like.shape[3])
    return (torch.rand(shape, device=like.device) >= drop).to(like.dtype)


class MGD(nn.Module):
    """Objective: sum over levels of ``alpha`` times `mgd_loss`, with a generator of two 3x3 convolutions on each.

    It is not 0 where the student is the teacher: the generator has to learn first.

    Args:
        levels: strides to compare; None takes all of the student.
        drop: probability of a cell to be hidden.
        alpha: brings the sum over cells down to the size of other terms, as published.
        student_shape: of the student.
        teacher_shape: of the teacher.

    Reference:
        Yang et al. Masked generative distillation. ECCV 2022. The authors' configurations also start the student from
        the teacher's neck and head; this objective does not.
    """

    reads: ClassVar[tuple[str, ...]] = ("pyramid",)
    kinds: ClassVar[tuple[str, ...]] = ("faster_rcnn", "fcos")
    needs_targets: bool = False

    def __init__(
        self,
        *,
        levels: Levels = None,
        drop: float = 0.65,
        alpha: float = 2e-5,
        student_shape: DetectorShape,
        teacher_shape: DetectorShape,
    ) -> None:
        super().__init__()
        check_kinds("mgd", self.kinds, student_shape, teacher_shape)
        if not 0 <= drop < 1:
            raise ConfigError(f"drop of mgd is {drop}", "a probability, 0 or above and below 1")
        if alpha <= 0:
            raise ConfigError(f"alpha of mgd is {alpha}", "a number above 0")
        self.levels = PyramidLevels("mgd", levels, student_shape=student_shape, teacher_shape=teacher_shape)
        width = teacher_shape.pyramid_width
        self.generators = nn.ModuleDict({str(stride): _generator(width) for stride in self.levels.strides})
        self.drop, self.alpha = drop, alpha

    def forward(self, student: DetectorTaps, teacher: DetectorTaps, batch: DetectionBatch) -> Tensor:
        """Return the loss of one batch.

        Args:
            student: taps of the student.
            teacher: taps of the teacher on the same pixels.
            batch: the batch; its sizes tell padding apart.
        """
        values = [self._level(level) for level in self.levels(student, teacher, batch)]
        return self.alpha * torch.stack(values).sum()

    def _level(self, level: Level) -> Tensor:
        masked = level.student * kept_cells(level.student, drop=self.drop) * level.valid[:, None]
        return mgd_loss(self.generators[str(level.stride)](masked), level.teacher, valid=level.valid)


def _generator(width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(width, width, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(width, width, 3, padding=1)
    )
