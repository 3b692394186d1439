"""Distillation of cosine-distance matrices as it was published for re-identification of several targets."""

from typing import ClassVar, Literal

import torch
from torch import Tensor

from pipeline.losses.distillation.relation import cosine_distances
from pipeline.types import ReIDBatch, Taps


def distance_matrix_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Return ``||D_student - D_teacher||_F``, the norm of the difference of the two matrices of cosine distances.

    The norm grows with the batch B; divided by B it is `relation_loss`. Its slope at equal matrices is taken as 0.

    Args:
        student: (B, D) embeddings.
        teacher: (B, D') embeddings; no gradient is sent to them.

    Returns:
        Scalar float32 >= 0, 0 where both matrices are the same.

    Reference:
        Remigereau et al. Knowledge distillation for multi-target domain adaptation in real-time person
        re-identification. ICIP 2022. An implementation of its default loss; the optional margin loss on features is not
        part of it, and the teacher answers in eval mode, where the released code lets its statistics drift.
    """
    return torch.linalg.vector_norm(cosine_distances(student) - cosine_distances(teacher.detach()))


class DistanceMatrix:
    """Objective: cosine-distance matrices of one embedding, without a division by the batch size.

    Args:
        tap: ``embedding`` (before the BNNeck, as published) or ``bn_embedding``, the vector that retrieval compares.
    """

    needs_teacher: ClassVar[bool] = True
    needs_labels: ClassVar[bool] = False
    # Of the default; `tap` decides.
    reads: tuple[str, ...] = ("embedding",)

    def __init__(self, *, tap: Literal["embedding", "bn_embedding"] = "embedding") -> None:
        self.tap, self.reads = tap, (tap,)

    def __call__(self, student: Taps, teacher: Taps | None, batch: ReIDBatch) -> Tensor:
        """Return the loss of one batch."""
        assert teacher is not None, "distance_matrix needs a teacher"
        return distance_matrix_loss(getattr(student, self.tap), getattr(teacher, self.tap))
