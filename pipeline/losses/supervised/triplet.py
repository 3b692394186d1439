"""Batch-hard triplet loss: every anchor against its farthest positive and its nearest negative."""

from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.losses.vectors import at_least_float32
from pipeline.types import ReIDBatch, Taps


def triplet_loss(embeddings: Tensor, labels: Tensor, *, margin: float | Literal["soft"] = 0.3) -> Tensor:
    """Return the mean of ``[d(a, p) - d(a, n) + margin]_+`` over valid anchors, computed in fp32.

    Args:
        embeddings: (B, D); Euclidean distances are taken between them as they are.
        labels: (B,) int64; -1 takes no part, neither as an anchor nor as a negative.
        margin: distance, or ``soft`` for ``log(1 + exp(d(a, p) - d(a, n)))``.

    Returns:
        Scalar; zero, with a working backward, when no anchor has both a positive and a negative.

    Reference:
        Hermans, Beyer, Leibe. In defense of the triplet loss for person re-identification. 2017.
    """
    vectors = at_least_float32(embeddings)
    distances = _euclidean(vectors)
    known = labels >= 0
    both = known[:, None] & known[None, :]
    same = labels[:, None] == labels[None, :]
    itself = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    positives, negatives = both & same & ~itself, both & ~same
    valid = positives.any(1) & negatives.any(1)
    hardest_positive = distances.masked_fill(~positives, -torch.inf).amax(1)
    hardest_negative = distances.masked_fill(~negatives, torch.inf).amin(1)
    # Anchors without a pair are infinite here; they are replaced before the difference, or the gradient is nan.
    gaps = torch.where(valid, hardest_positive, 0.0) - torch.where(valid, hardest_negative, 0.0)
    terms = F.softplus(gaps) if margin == "soft" else F.relu(gaps + margin)
    return torch.where(valid, terms, 0.0).sum() / valid.sum().clamp(min=1) + (vectors * 0.0).sum()


class Triplet:
    """Objective: batch-hard triplets of the student's embeddings before the BNNeck.

    Args:
        margin: distance, or ``soft``.
    """

    reads: ClassVar[tuple[str, ...]] = ("embedding", "labels")
    needs_teacher: ClassVar[bool] = False
    needs_labels: ClassVar[bool] = True

    def __init__(self, *, margin: float | Literal["soft"] = 0.3) -> None:
        self.margin: float | Literal["soft"] = margin

    def __call__(self, student: Taps, teacher: Taps | None, batch: ReIDBatch) -> Tensor:
        """Return the loss of one batch; the teacher is not read."""
        assert batch.labels is not None, "triplets need labels"
        return triplet_loss(student.embedding, batch.labels, margin=self.margin)


def _euclidean(vectors: Tensor) -> Tensor:
    squares = (vectors * vectors).sum(1)
    squared = squares[:, None] + squares[None, :] - 2.0 * vectors @ vectors.T
    # The slope of the root is infinite at 0, where two embeddings are the same.
    return squared.clamp(min=1e-12).sqrt()
