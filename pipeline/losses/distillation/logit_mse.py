"""Distillation of plain logits by their squared difference."""

from typing import ClassVar

from torch import Tensor

from pipeline.losses.distillation.logit_pairs import mean_over_images, paired_logits
from pipeline.losses.vectors import at_least_float32
from pipeline.types import ReIDBatch, Taps


def logit_mse_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Return the mean over images of ``|s - t|^2 / C``.

    Args:
        student: (B, C) logits.
        teacher: (B, C) logits; no gradient is sent to them.

    Returns:
        Scalar >= 0, 0 where both say the same; it sees a constant added to all logits of an image, softmax doesn't.

    Reference:
        Ba, Caruana. Do deep nets really need to be deep? NeurIPS 2014. An implementation.
    """
    difference = at_least_float32(student) - at_least_float32(teacher.detach())
    return mean_over_images(difference.square().mean(1))


class LogitMSE:
    """Objective: the student's identity logits equal the teacher's."""

    reads: ClassVar[tuple[str, ...]] = ("logits",)
    needs_teacher: ClassVar[bool] = True
    needs_labels: ClassVar[bool] = False

    def __call__(self, student: Taps, teacher: Taps | None, batch: ReIDBatch) -> Tensor:
        """Return the loss of one batch."""
        return logit_mse_loss(*paired_logits("logit_mse", student, teacher))
