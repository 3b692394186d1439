"""Relational distillation: distances between pairs and angles of triplets."""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.losses.vectors import at_least_float32, unit_vectors
from pipeline.types import ReIDBatch, Taps


def rkd_distance_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Return the smooth L1 difference of Euclidean distances, each side divided by its mean distance.

    Args:
        student: (B, D) embeddings.
        teacher: (B, D') embeddings; no gradient is sent to them.

    Returns:
        Scalar, mean over all B x B entries; 0 for one image.
    """
    ours, theirs = _relative_distances(student), _relative_distances(teacher.detach())
    return F.smooth_l1_loss(ours, theirs) if len(student) else student.sum() * 0.0


def rkd_angle_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Return the smooth L1 difference of the cosines of the angles at every corner of every triplet.

    Memory is of order B^3.

    Args:
        student: (B, D) embeddings.
        teacher: (B, D') embeddings; no gradient is sent to them.

    Returns:
        Scalar, mean over all B x B x B entries; 0 for one image.
    """
    ours, theirs = _corner_cosines(student), _corner_cosines(teacher.detach())
    return F.smooth_l1_loss(ours, theirs) if len(student) else student.sum() * 0.0


def rkd_loss(student: Tensor, teacher: Tensor, *, distance: float = 1.0, angle: float = 2.0) -> Tensor:
    """Return ``distance * L_distance + angle * L_angle``.

    Args:
        student: (B, D) embeddings.
        teacher: (B, D') embeddings; no gradient is sent to them.
        distance: weight of the pairs.
        angle: weight of the triplets; at 0 their B^3 tensor is not built.

    Returns:
        Scalar, at least fp32.

    Reference:
        Park et al. Relational knowledge distillation. CVPR 2019.
    """
    total = (at_least_float32(student) * 0.0).sum()
    if distance:
        total = total + distance * rkd_distance_loss(student, teacher)
    if angle:
        total = total + angle * rkd_angle_loss(student, teacher)
    return total


class RKD:
    """Objective: pair distances and triplet angles of the embeddings before the BNNeck.

    Args:
        distance: weight of the pairs.
        angle: weight of the triplets.
    """

    reads: ClassVar[tuple[str, ...]] = ("embedding",)
    needs_teacher: ClassVar[bool] = True
    needs_labels: ClassVar[bool] = False

    def __init__(self, *, distance: float = 1.0, angle: float = 2.0) -> None:
        self.distance, self.angle = distance, angle

    def __call__(self, student: Taps, teacher: Taps | None, batch: ReIDBatch) -> Tensor:
        """Return the loss of one batch."""
        assert teacher is not None, "rkd needs a teacher"
        return rkd_loss(student.embedding, teacher.embedding, distance=self.distance, angle=self.angle)


def _relative_distances(embeddings: Tensor) -> Tensor:
    vectors = at_least_float32(embeddings)
    distances = torch.cdist(vectors, vectors, compute_mode="donot_use_mm_for_euclid_dist")
    pairs = max(len(vectors) * (len(vectors) - 1), 1)
    return distances / (distances.sum() / pairs).clamp(min=1e-12)


def _corner_cosines(embeddings: Tensor) -> Tensor:
    vectors = at_least_float32(embeddings)
    edges = unit_vectors(vectors[None, :, :] - vectors[:, None, :])
    return edges @ edges.transpose(1, 2)
