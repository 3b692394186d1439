"""Distillation of softened logits."""

from typing import ClassVar, Literal

import torch.nn.functional as F
from torch import Tensor

from pipeline.errors import ConfigError
from pipeline.losses.vectors import at_least_float32
from pipeline.types import ReIDBatch, Taps

Direction = Literal["forward", "reverse"]


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
    # "batchmean": the plain mean would also divide by the number of identities, and the term would vanish.
    divergence = F.kl_div(approximator, target, reduction="batchmean", log_target=True)
    return divergence * temperature**2


class KD:
    """Objective: the student's identity logits follow the teacher's.

    Args:
        temperature: T > 0.
        direction: ``forward`` or ``reverse`` KL.
    """

    reads: ClassVar[tuple[str, ...]] = ("logits",)
    needs_teacher: ClassVar[bool] = True
    needs_labels: ClassVar[bool] = False

    def __init__(self, *, temperature: float = 4.0, direction: Direction = "forward") -> None:
        if temperature <= 0:
            raise ConfigError(f"the temperature of kd is {temperature}", "a number above 0")
        self.temperature = temperature
        self.direction: Direction = direction

    def __call__(self, student: Taps, teacher: Taps | None, batch: ReIDBatch) -> Tensor:
        """Return the loss of one batch."""
        assert teacher is not None, "kd needs a teacher"
        assert student.logits is not None, "kd needs a student with a classifier"
        assert teacher.logits is not None, "kd needs a teacher with a classifier"
        if student.logits.shape != teacher.logits.shape:
            raise ConfigError(
                f"kd compares {student.logits.shape[1]} student classes with {teacher.logits.shape[1]} teacher classes",
                "classifiers over the same identities",
                "Train both on the same source, or use relation instead, which needs no classes.",
            )
        return kd_loss(student.logits, teacher.logits, temperature=self.temperature, direction=self.direction)
