"""Probabilistic knowledge transfer: the student's neighbour probabilities follow the teacher's."""

from typing import ClassVar

from torch import Tensor

from pipeline.losses.vectors import unit_vectors
from pipeline.types import ReIDBatch, Taps

EPS = 1e-7


def neighbour_probabilities(embeddings: Tensor) -> Tensor:
    """Return the (B, B) matrix of ``(cos + 1) / 2`` with rows that sum to one.

    Args:
        embeddings: (B, D); a zero vector is at cosine 0 from everything.
    """
    directions = unit_vectors(embeddings)
    affinity = (directions @ directions.T + 1.0) / 2.0
    return affinity / affinity.sum(1, keepdim=True)


def pkt_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Return the mean over entries of ``p (log p - log q)``, p of the teacher and q of the student.

    Args:
        student: (B, D) embeddings.
        teacher: (B, D') embeddings; no gradient is sent to them.

    Returns:
        Scalar >= 0 up to rounding.

    Reference:
        Passalis, Tefas. Learning deep representations with probabilistic knowledge transfer. ECCV 2018
        (cosine kernel; the mean is over entries, as in the authors' code).
    """
    ours, theirs = neighbour_probabilities(student), neighbour_probabilities(teacher.detach())
    return (theirs * ((theirs + EPS).log() - (ours + EPS).log())).sum() / max(theirs.numel(), 1)


class PKT:
    """Objective: neighbour probabilities of the embeddings before the BNNeck."""

    reads: ClassVar[tuple[str, ...]] = ("embedding",)
    needs_teacher: ClassVar[bool] = True
    needs_labels: ClassVar[bool] = False

    def __call__(self, student: Taps, teacher: Taps | None, batch: ReIDBatch) -> Tensor:
        """Return the loss of one batch."""
        assert teacher is not None, "pkt needs a teacher"
        return pkt_loss(student.embedding, teacher.embedding)
