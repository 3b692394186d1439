"""Adversarial distillation: a discriminator tells teacher from student, and the student learns to be taken for it."""

from itertools import pairwise
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from pipeline.errors import ConfigError
from pipeline.losses.adaptation.gradient_reversal import adversarial_loss
from pipeline.losses.vectors import at_least_float32, unit_vectors
from pipeline.types import NetworkShape, ReIDBatch, Taps


def deception_loss(scores: Tensor) -> Tensor:
    """Return ``BCE(D(student), 1)``, small where the student is taken for the teacher.

    Args:
        scores: (B,) of the student before the sigmoid.

    Returns:
        Scalar >= 0, at least fp32; log 2 for a discriminator that can't tell; 0 without images.
    """
    values = at_least_float32(scores)
    return F.softplus(-values).sum() / max(values.numel(), 1)


class EmbeddingDiscriminator(nn.Module):
    """Three linear layers with spectral norm that score how much a unit embedding looks like the teacher's.

    Args:
        width: of the embedding.
        hidden: units of both hidden layers.
    """

    def __init__(self, width: int, *, hidden: int = 256) -> None:
        super().__init__()
        sizes = (width, hidden, hidden, 1)
        first, second, last = (spectral_norm(nn.Linear(before, after)) for before, after in pairwise(sizes))
        self.layers = nn.Sequential(first, nn.LeakyReLU(0.2), second, nn.LeakyReLU(0.2), last)

    def forward(self, embeddings: Tensor) -> Tensor:
        """Map (B, width) embeddings of any length to (B,) scores before the sigmoid."""
        scores: Tensor = self.layers(unit_vectors(embeddings)).squeeze(1)
        return scores


class Adversarial:
    """Objective: `deception_loss` before a discriminator that has an optimizer of its own, run by the task.

    Args:
        hidden: units of the discriminator.
        lr_ratio: its learning rate by the student's.
        student_shape: of the student.
        teacher_shape: of the teacher; of the same width.

    Reference:
        Wang et al. KDGAN: knowledge distillation with generative adversarial networks. NeurIPS 2018, and Goodfellow et
        al. Generative adversarial nets. NeurIPS 2014. A re-implementation of the form: unit embeddings instead of
        answers, the spectral norm (Miyato et al., ICLR 2018) of the discriminator, its size and its rate are ours.
    """

    needs_teacher: ClassVar[bool] = True
    needs_labels: ClassVar[bool] = False
    reads: ClassVar[tuple[str, ...]] = ("embedding",)

    def __init__(
        self,
        *,
        hidden: int = 256,
        lr_ratio: float = 0.1,
        student_shape: NetworkShape,
        teacher_shape: NetworkShape,
    ) -> None:
        if hidden < 1 or lr_ratio <= 0:
            raise ConfigError(f"adversarial with hidden {hidden} and lr_ratio {lr_ratio}", "1 or more, and above 0")
        if student_shape.width != teacher_shape.width:
            raise ConfigError(
                f"adversarial shows one discriminator {student_shape.width} student and {teacher_shape.width} teacher "
                "numbers", "embeddings of one width", "Give both models the same `embedding`.",
            )  # fmt: skip
        self.lr_ratio = lr_ratio
        # Not a module of this one: it must not learn with the student, which wants the opposite.
        self.rival = EmbeddingDiscriminator(student_shape.width, hidden=hidden).eval()

    def __call__(self, student: Taps, teacher: Taps | None, batch: ReIDBatch) -> Tensor:
        """Return what the student learns from; the discriminator stays as it is."""
        return deception_loss(self.rival(student.embedding))

    def rival_loss(self, student: Taps, teacher: Taps) -> Tensor:
        """Return what the discriminator learns from, ``BCE(D(teacher), 1) + BCE(D(student), 0)``.

        Args:
            student: taps of the student; no gradient is sent to them.
            teacher: taps of the teacher; no gradient is sent to them.
        """
        return adversarial_loss(self.rival(teacher.embedding.detach()), self.rival(student.embedding.detach()))
