"""Distillation of relations: the student's cosine distances between images follow the teacher's."""

from typing import ClassVar, Literal

import torch
from torch import Tensor

from pipeline.losses.vectors import unit_vectors
from pipeline.types import ReIDBatch, Taps


def cosine_distances(embeddings: Tensor) -> Tensor:
    """Return the (B, B) matrix of ``1 - cos`` in fp32.

    Args:
        embeddings: (B, D); a zero vector has distance 1 to everything.
    """
    directions = unit_vectors(embeddings)
    return 1.0 - directions @ directions.T


def relation_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Return ``||D_student - D_teacher||_F / B`` for the two matrices of cosine distances.

    Widths may differ, labels are not needed. The norm's slope at exactly equal matrices is taken as 0.

    Args:
        student: (B, D) embeddings.
        teacher: (B, D') embeddings; no gradient is sent to them.

    Returns:
        Scalar float32 >= 0.

    Reference:
        Remigereau et al. Knowledge distillation for multi-target domain adaptation in real-time person
        re-identification. ICIP 2022. We divide by B, so that the weight does not depend on the batch size.
    """
    difference = cosine_distances(student) - cosine_distances(teacher.detach())
    return torch.linalg.vector_norm(difference) / max(len(student), 1)


class Relation:
    """Objective: cosine-distance matrices of one embedding.

    Args:
        tap: ``embedding`` (before the BNNeck, as published) or ``bn_embedding``, the vector that retrieval compares;
            during adaptation the latter is standardised by camera.
    """

    needs_teacher: ClassVar[bool] = True
    needs_labels: ClassVar[bool] = False
    # Of the default; `tap` decides.
    reads: tuple[str, ...] = ("embedding",)

    def __init__(self, *, tap: Literal["embedding", "bn_embedding"] = "embedding") -> None:
        self.tap, self.reads = tap, (tap,)

    def __call__(self, student: Taps, teacher: Taps | None, batch: ReIDBatch) -> Tensor:
        """Return the loss of one batch."""
        assert teacher is not None, "relation needs a teacher"
        return relation_loss(getattr(student, self.tap), getattr(teacher, self.tap))
