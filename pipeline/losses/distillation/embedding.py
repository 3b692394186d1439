"""Distillation of embeddings: the student's vector of an image follows the teacher's."""

from typing import ClassVar, Literal

from torch import Tensor

from pipeline.errors import ConfigError
from pipeline.losses.vectors import at_least_float32, unit_vectors
from pipeline.types import ReIDBatch, Taps

Distance = Literal["cosine", "mse"]


def embedding_loss(student: Tensor, teacher: Tensor, *, distance: Distance = "cosine") -> Tensor:
    """Return ``mean(1 - cos(s, t))``, or ``sum |s - t|^2 / sum |t|^2``.

    Args:
        student: (B, D) embeddings.
        teacher: (B, D) embeddings; no gradient is sent to them.
        distance: ``cosine`` compares directions, ``mse`` also lengths, relative to the teacher's.

    Returns:
        Scalar float32 >= 0.

    Reference:
        Romero et al. FitNets: hints for thin deep nets. ICLR 2015 (squared error on hidden vectors). We divide by the
        teacher's energy, so that the weight does not depend on the scale of its embedding.
    """
    if distance == "cosine":
        return (1.0 - (unit_vectors(student) * unit_vectors(teacher.detach())).sum(1)).mean()
    ours, theirs = at_least_float32(student), at_least_float32(teacher.detach())
    return (ours - theirs).square().sum() / theirs.square().sum().clamp(min=1e-12)


class EmbeddingMatch:
    """Objective: embeddings after the BNNeck; the widths must be the same.

    Args:
        distance: ``cosine`` or ``mse``.
    """

    reads: ClassVar[tuple[str, ...]] = ("bn_embedding",)
    needs_teacher: ClassVar[bool] = True
    needs_labels: ClassVar[bool] = False

    def __init__(self, *, distance: Distance = "cosine") -> None:
        if distance not in ("cosine", "mse"):
            raise ConfigError(f"the distance of embedding is {distance!r}", "cosine or mse")
        self.distance: Distance = distance

    @staticmethod
    def check_widths(student_width: int, teacher_width: int) -> None:
        """Check at build time that the two embeddings can be compared.

        Args:
            student_width: width of the student's embedding, after its connector if it has one.
            teacher_width: width of the teacher's embedding.

        Raises:
            ConfigError: they differ.
        """
        if student_width != teacher_width:
            raise ConfigError(
                f"embedding compares a student of width {student_width} with a teacher of width {teacher_width}",
                "the same width",
                "Set the student's embedding to the teacher's width, add a connector, or use relation instead.",
            )

    def __call__(self, student: Taps, teacher: Taps | None, batch: ReIDBatch) -> Tensor:
        """Return the loss of one batch."""
        assert teacher is not None, "embedding needs a teacher"
        self.check_widths(student.bn_embedding.shape[1], teacher.bn_embedding.shape[1])
        return embedding_loss(student.bn_embedding, teacher.bn_embedding, distance=self.distance)
