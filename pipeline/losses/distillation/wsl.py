"""Weighted soft labels: the teacher counts more where the student is behind it on the true identity."""

from collections.abc import Mapping
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.errors import ConfigError
from pipeline.losses.distillation.logit_pairs import labelled_logits, mean_over_images, paired_logits
from pipeline.losses.vectors import at_least_float32
from pipeline.types import ReIDBatch, Taps

EPS = 1e-7
SATURATED = 0.99


def wsl_weights(student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
    """Return ``1 - exp(-CE(s, y) / CE(t, y))`` of each image, both at temperature 1.

    Args:
        student: (B, C) logits.
        teacher: (B, C) logits.
        labels: (B,) int64 in 0..C-1, in the teacher's own classes.

    Returns:
        (B,) in 0..1, without gradient: the student would otherwise lower the loss by lowering the weight.
    """
    ours = F.cross_entropy(at_least_float32(student.detach()), labels, reduction="none")
    theirs = F.cross_entropy(at_least_float32(teacher.detach()), labels, reduction="none")
    return -torch.expm1(-ours / (theirs + EPS))


def wsl_loss(student: Tensor, teacher: Tensor, *, weights: Tensor, temperature: float = 4.0) -> Tensor:
    """Return ``T^2`` times the mean of ``w H(p, q)``, the cross-entropy of the softened distributions.

    Not 0 where both say the same: there w is 0.632 and H the teacher's entropy. The divergence in the place of H has
    the same gradient.

    Args:
        student: (B, C) logits.
        teacher: (B, C) logits; no gradient is sent to them.
        weights: (B,) in 0..1.
        temperature: T > 0.

    Returns:
        Scalar >= 0.

    Reference:
        Zhou et al. Rethinking soft labels for knowledge distillation: a bias-variance tradeoff perspective. ICLR 2021.
        An implementation of the soft part. The published total is a cross_entropy without smoothing, of weight 1, and
        this term with weight 2.25 (T = 4, CIFAR-100) or 2.5 (T = 2, ImageNet).
    """
    ours = F.log_softmax(at_least_float32(student) / temperature, dim=1)
    theirs = F.softmax(at_least_float32(teacher.detach()) / temperature, dim=1)
    return temperature**2 * mean_over_images(weights.detach() * -(theirs * ours).sum(1))


class WSL:
    """Objective: soft labels, weighted by how far the student is behind on the true identity.

    The hard loss of the paper is the term ``cross_entropy`` with a weight of its own. The facts are ``weight``, the
    mean weight, ``saturated``, the share of weights above 0.99 (1: this is kd and nothing more), and ``divergence``,
    the loss with the divergence in the place of the cross-entropy, which does reach 0; weights of one have only that.

    Args:
        temperature: T > 0.
        weights: ``labels`` needs identities; ``one`` gives every image weight 1, for a target without labels.
    """

    needs_teacher: bool = True
    # `weights` decides about the next three; these are those of the default.
    reads: tuple[str, ...] = ("logits", "labels")
    needs_labels: bool = True
    needs_identities: bool = True

    def __init__(self, *, temperature: float = 4.0, weights: Literal["labels", "one"] = "labels") -> None:
        if temperature <= 0:
            raise ConfigError(f"the temperature of wsl is {temperature}", "a number above 0")
        if weights not in ("labels", "one"):
            raise ConfigError(f"the weights of wsl are {weights!r}", "labels or one")
        self.temperature = temperature
        self.needs_labels = self.needs_identities = weights == "labels"
        self.reads = ("logits", "labels") if weights == "labels" else ("logits",)
        self._facts: dict[str, Tensor] = {}

    @staticmethod
    def needs_identities_with(arguments: Mapping[str, Any]) -> bool:
        """Return whether labels have to be identities of the teacher.

        Args:
            arguments: as the configuration gives them.
        """
        return arguments.get("weights", "labels") == "labels"

    def facts(self) -> dict[str, Tensor]:
        """Return what the last batch was weighted by."""
        return self._facts

    def __call__(self, student: Taps, teacher: Taps | None, batch: ReIDBatch) -> Tensor:
        """Return the loss of one batch; with weights by labels, images without a label are left out."""
        weighing = {}
        if self.needs_identities:
            ours, theirs, labels = labelled_logits("wsl", student, teacher, batch)
            weights = wsl_weights(ours, theirs, labels)
            saturated = mean_over_images((weights > SATURATED).to(weights.dtype))
            weighing = {"weight": mean_over_images(weights), "saturated": saturated}
        else:
            ours, theirs = paired_logits("wsl", student, teacher)
            weights = torch.ones_like(ours[:, 0])
        loss = wsl_loss(ours, theirs, weights=weights, temperature=self.temperature)
        least = wsl_loss(theirs, theirs, weights=weights, temperature=self.temperature)
        self._facts = {**weighing, "divergence": (loss - least).detach()}
        return loss
