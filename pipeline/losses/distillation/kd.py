"""Distillation of softened logits."""

from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.errors import ConfigError
from pipeline.losses.distillation.logit_pairs import paired_logits
from pipeline.losses.vectors import at_least_float32
from pipeline.types import ReIDBatch, Taps

Direction = Literal["forward", "reverse"]
# A row of logits with less deviation says nothing; it is not blown up to deviation 1.
FLAT = 1e-6


def standardised_logits(logits: Tensor) -> Tensor:
    """Return ``(z - mean) / (std + 1e-7)`` of each row, with the unbiased deviation; a constant row becomes zero.

    Args:
        logits: (B, C).

    Returns:
        (B, C), at least fp32.

    Reference:
        Sun et al. Logit standardization in knowledge distillation. CVPR 2024. An implementation; recommended there are
        a temperature of 2 and a weight of 9.
    """
    centred = at_least_float32(logits) - at_least_float32(logits).mean(1, keepdim=True)
    variance = centred.square().sum(1, keepdim=True) / max(logits.shape[1] - 1, 1)
    varies = variance > FLAT**2
    # Replaced before the root: its slope is infinite at 0.
    return torch.where(varies, centred / (torch.where(varies, variance, 1.0).sqrt() + 1e-7), 0.0)


def kd_loss(
    student_logits: Tensor, teacher_logits: Tensor, *, temperature: float = 4.0, direction: Direction = "forward"
) -> Tensor:
    """Return ``T^2 KL(p || q)`` averaged over images, with p of the teacher and q of the student at temperature T.

    Args:
        student_logits: (B, C).
        teacher_logits: (B, C); no gradient is sent to them.
        temperature: T > 0; both sides are divided by it.
        direction: ``forward`` is KL(teacher || student), ``reverse`` is KL(student || teacher).

    Returns:
        Scalar float32, 0 where both say the same.

    Reference:
        Hinton, Vinyals, Dean. Distilling the knowledge in a neural network. 2015 (forward).
        Nguyen-Meidine et al. Joint progressive knowledge distillation and unsupervised domain adaptation. IJCNN 2020
        (reverse; there the teacher receives the gradient as well).
    """
    student = F.log_softmax(at_least_float32(student_logits) / temperature, dim=1)
    teacher = F.log_softmax(at_least_float32(teacher_logits.detach()) / temperature, dim=1)
    approximator, target = (student, teacher) if direction == "forward" else (teacher, student)
    # Divided by the images: the plain mean would also divide by the number of identities, and the term would vanish.
    divergence = F.kl_div(approximator, target, reduction="sum", log_target=True) / max(len(student), 1)
    return divergence * temperature**2


class KD:
    """Objective: the student's identity logits follow the teacher's.

    Args:
        temperature: T > 0.
        direction: ``forward`` or ``reverse`` KL.
        standardise: bring each image's logits to mean 0 and deviation 1 first, so that heads whose logits have
            different scales can be compared.
    """

    reads: ClassVar[tuple[str, ...]] = ("logits",)
    needs_teacher: ClassVar[bool] = True
    needs_labels: ClassVar[bool] = False

    def __init__(
        self, *, temperature: float = 4.0, direction: Direction = "forward", standardise: bool = False
    ) -> None:
        if temperature <= 0:
            raise ConfigError(f"the temperature of kd is {temperature}", "a number above 0")
        self.temperature, self.standardise = temperature, standardise
        self.direction: Direction = direction

    def __call__(self, student: Taps, teacher: Taps | None, batch: ReIDBatch) -> Tensor:
        """Return the loss of one batch."""
        ours, theirs = paired_logits("kd", student, teacher)
        if self.standardise:
            ours, theirs = standardised_logits(ours), standardised_logits(theirs)
        return kd_loss(ours, theirs, temperature=self.temperature, direction=self.direction)
