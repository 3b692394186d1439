"""Similarity-preserving distillation: images that the teacher finds alike are alike to the student."""

import re
from typing import ClassVar

import torch
from torch import Tensor

from pipeline.errors import ConfigError
from pipeline.losses.vectors import at_least_float32
from pipeline.types import ReIDBatch, Taps

# The batch for which the published weight was chosen.
PUBLISHED_BATCH = 128
GAMMA_OF_MAPS, GAMMA_OF_EMBEDDINGS = 3000.0, 100.0


def similarity_rows(features: Tensor, *, eps: float = 1e-6) -> tuple[Tensor, Tensor]:
    """Return the rows of the Gram matrix ``Q Q^T``, each scaled to length one after the product, and which ones exist.

    Args:
        features: (B, ...) features, flattened to Q of (B, F).
        eps: rows that are shorter have no direction; they become zero and get no gradient.

    Returns:
        (B, B), at least fp32, and (B,) bool.
    """
    flat = at_least_float32(features.flatten(1))
    gram = flat @ flat.T
    lengths = torch.linalg.vector_norm(gram, dim=1, keepdim=True)
    exists = lengths > eps
    return torch.where(exists, gram / torch.where(exists, lengths, 1.0), 0.0), exists[:, 0]


def sp_loss(student: Tensor, teacher: Tensor, *, eps: float = 1e-6) -> Tensor:
    """Return ``||G_teacher - G_student||_F^2 / B^2`` for the row-normalised Gram matrices of one batch.

    Args:
        student: (B, ...) features or embeddings.
        teacher: (B, ...) of any width; no gradient is sent to them.
        eps: an image whose row is shorter in either matrix, as one with all features 0, is left out.

    Returns:
        Scalar in 0..4 / B, at most 2 / B where no feature is negative; 0 where both say the same.

    Reference:
        Tung, Mori. Similarity-preserving knowledge distillation. ICCV 2019. An implementation; leaving images without
        features out is ours. The method is claimed by US patent 11,636,337 B2 (Royal Bank of Canada): ask before a
        commercial use.
    """
    ours, ours_exist = similarity_rows(student, eps=eps)
    theirs, theirs_exist = similarity_rows(teacher.detach(), eps=eps)
    rows = (ours - theirs).square().sum(1)
    return torch.where(ours_exist & theirs_exist, rows, 0.0).sum() / max(len(rows), 1) ** 2


class SP:
    """Objective: row-normalised Gram matrices of one tap, times gamma; patented, see `sp_loss`, and never a default.

    Args:
        tap: ``embedding``, ``bn_embedding``, ``last``, or ``stage1``, ``stage2``, ...; on maps as published: ``last``.
        gamma: factor; where it isn't given, the published 3000 on maps and 100 (ours) on embeddings. It isn't portable
            between the two.
        scale_with_batch: multiply by B / 128 too, because the loss is at most 4 / B. With it the value doesn't fall as
            the batch grows; without it this is the published form, tuned for B = 128.
        eps: shortest row of a Gram matrix that counts.
    """

    needs_teacher: ClassVar[bool] = True
    needs_labels: ClassVar[bool] = False
    # Of the default; `tap` decides.
    reads: tuple[str, ...] = ("maps:last",)

    def __init__(
        self, *, tap: str = "last", gamma: float | None = None, scale_with_batch: bool = True, eps: float = 1e-6
    ) -> None:
        if not re.fullmatch(r"embedding|bn_embedding|last|stage[1-9]\d*", tap):
            raise ConfigError(f"the tap of sp is {tap!r}", "embedding, bn_embedding, last, or stage1, stage2, ...")
        if gamma is not None and gamma <= 0:
            raise ConfigError(f"the gamma of sp is {gamma}", "a number above 0")
        if eps <= 0:
            raise ConfigError(f"the eps of sp is {eps}", "a number above 0")
        is_map = tap not in ("embedding", "bn_embedding")
        self.tap, self.scale_with_batch, self.eps = tap, scale_with_batch, eps
        self.gamma = gamma if gamma is not None else GAMMA_OF_MAPS if is_map else GAMMA_OF_EMBEDDINGS
        self.reads = (f"maps:{tap}" if is_map else tap,)

    def __call__(self, student: Taps, teacher: Taps | None, batch: ReIDBatch) -> Tensor:
        """Return the loss of one batch."""
        assert teacher is not None, "sp needs a teacher"
        scale = self.gamma * (len(batch) / PUBLISHED_BATCH if self.scale_with_batch else 1.0)
        return scale * sp_loss(self._features(student), self._features(teacher), eps=self.eps)

    def _features(self, taps: Taps) -> Tensor:
        name = self.reads[0]
        features: Tensor = taps.maps[self.tap] if name.startswith("maps:") else getattr(taps, name)
        return features
