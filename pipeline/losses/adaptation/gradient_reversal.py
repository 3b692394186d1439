"""Adversarial adaptation: a discriminator learns the domain, the embedding learns to hide it."""

from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.losses.adaptation.schedules import reversal_strength
from pipeline.losses.vectors import at_least_float32
from pipeline.types import ReIDBatch, Taps


class _Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor, strength: float) -> Tensor:
        ctx.strength = strength
        return features.view_as(features)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return -ctx.strength * gradients[0], None


def reverse_gradient(features: Tensor, strength: float) -> Tensor:
    """Return the features unchanged; backward multiplies their gradient by ``-strength``.

    Args:
        features: any tensor.
        strength: 0 stops the gradient, 1 reverses it.
    """
    return _Reverse.apply(features, strength)


def adversarial_loss(source_scores: Tensor, target_scores: Tensor) -> Tensor:
    """Return ``BCE(source, 1) + BCE(target, 0)`` on scores before the sigmoid.

    Args:
        source_scores: (N,) or (N, 1).
        target_scores: (M,) or (M, 1).

    Returns:
        Scalar, at least fp32; a domain without images adds nothing.

    Reference:
        Ganin et al. Domain-adversarial training of neural networks. JMLR 2016. Both domains are always scored: a
        discriminator that sees one domain only is satisfied by a constant answer.
    """
    source, target = at_least_float32(source_scores), at_least_float32(target_scores)
    # The logits form: a sigmoid followed by a logarithm overflows in half precision.
    ones = F.binary_cross_entropy_with_logits(source, torch.ones_like(source), reduction="sum")
    zeros = F.binary_cross_entropy_with_logits(target, torch.zeros_like(target), reduction="sum")
    return ones / max(source.numel(), 1) + zeros / max(target.numel(), 1)


class DomainDiscriminator(nn.Module):
    """Two-layer perceptron that scores how much an embedding looks like the source.

    Args:
        width: of the embedding.
        hidden: units of the hidden layer.
    """

    def __init__(self, width: int, *, hidden: int = 1024) -> None:
        super().__init__()
        # LayerNorm and not BatchNorm: batch statistics of a pure batch give the domain away by themselves.
        self.layers = nn.Sequential(
            nn.Linear(width, hidden), nn.LayerNorm(hidden), nn.ReLU(inplace=True), nn.Linear(hidden, 1)
        )

    def forward(self, embeddings: Tensor) -> Tensor:
        """Map (B, width) to (B,) scores before the sigmoid."""
        return self.layers(embeddings).squeeze(1)


class GradientReversal(nn.Module):
    """Objective between domains with a discriminator of its own, which the task has to train.

    Args:
        width: of the student's embedding.
        hidden: units of the discriminator.
    """

    reads: ClassVar[tuple[str, ...]] = ("embedding",)
    needs_teacher: ClassVar[bool] = False
    needs_labels: ClassVar[bool] = False
    between_domains: ClassVar[bool] = True

    def __init__(self, *, width: int, hidden: int = 1024) -> None:
        super().__init__()
        self.discriminator = DomainDiscriminator(width, hidden=hidden)
        self.progress = 0.0

    def set_progress(self, progress: float) -> None:
        """Set the share of all training steps that are done, 0..1; the reversal grows with it."""
        self.progress = float(progress)

    def forward(self, source: Taps, target: Taps, source_batch: ReIDBatch, target_batch: ReIDBatch) -> Tensor:
        """Return the loss of one source and one target batch.

        Args:
            source: taps of the source batch.
            target: taps of the target batch.
            source_batch: not read.
            target_batch: not read.
        """
        strength = reversal_strength(self.progress)
        scores = [
            self.discriminator(reverse_gradient(at_least_float32(taps.embedding), strength))
            for taps in (source, target)
        ]
        return adversarial_loss(scores[0], scores[1])
