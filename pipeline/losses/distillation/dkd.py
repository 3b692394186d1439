"""Decoupled distillation: the label's probability and the ranking of the other classes, each with a weight."""

from typing import ClassVar

import torch
from torch import Tensor

from pipeline.errors import ConfigError
from pipeline.losses.distillation.logit_pairs import divergences, labelled_logits, mean_over_images, without_label
from pipeline.losses.vectors import at_least_float32
from pipeline.types import ReIDBatch, Taps


def dkd_parts(student: Tensor, teacher: Tensor, labels: Tensor, *, temperature: float = 4.0) -> tuple[Tensor, Tensor]:
    """Return the divergences ``TCKD`` and ``NCKD`` of each image, both times T^2.

    TCKD compares the two-way distributions label / any other class, NCKD the distributions over the other classes. With
    p_y the teacher's probability of the label at temperature T, ``T^2 KL = TCKD + (1 - p_y) NCKD``.

    Args:
        student: (B, C) logits.
        teacher: (B, C) logits; no gradient is sent to them.
        labels: (B,) int64 in 0..C-1.
        temperature: T > 0.

    Returns:
        Two (B,) rows, each >= 0; zeros where there is one class only.
    """
    ours, theirs = at_least_float32(student) / temperature, at_least_float32(teacher.detach()) / temperature
    if ours.shape[1] < 2 or not len(ours):
        nothing = ours.sum(1) * 0.0
        return nothing, nothing
    others = without_label(ours, labels), without_label(theirs, labels)
    # The mass of the other classes by logsumexp: 1 - p_y rounds to 0 where a network is sure.
    two_way = [
        torch.stack((row.gather(1, labels[:, None])[:, 0], torch.logsumexp(rest, dim=1)), dim=1)
        for row, rest in zip((ours, theirs), others, strict=True)
    ]
    return divergences(*two_way) * temperature**2, divergences(*others) * temperature**2


def dkd_loss(
    student: Tensor, teacher: Tensor, labels: Tensor, *, temperature: float = 4.0, alpha: float = 1.0, beta: float = 8.0
) -> Tensor:
    """Return the mean over images of ``alpha TCKD + beta NCKD``.

    Args:
        student: (B, C) logits.
        teacher: (B, C) logits; no gradient is sent to them.
        labels: (B,) int64 in 0..C-1.
        temperature: T > 0.
        alpha: weight of the label's own probability.
        beta: weight of the other classes among themselves.

    Returns:
        Scalar >= 0, 0 where both say the same.

    Reference:
        Zhao et al. Decoupled knowledge distillation. CVPR 2022. An implementation; beta has to be tuned for each pair.
    """
    target, others = dkd_parts(student, teacher, labels, temperature=temperature)
    return mean_over_images(alpha * target + beta * others)


class DKD:
    """Objective: the student's identity logits follow the teacher's, split at the true identity.

    Args:
        temperature: T > 0.
        alpha: weight of the label's own probability.
        beta: weight of the other classes among themselves.
        warmup: share of the training over which the term grows linearly from 0; published with 20 of 240 epochs.
    """

    reads: ClassVar[tuple[str, ...]] = ("logits", "labels")
    needs_teacher: ClassVar[bool] = True
    needs_labels: ClassVar[bool] = True
    needs_identities: ClassVar[bool] = True

    def __init__(self, *, temperature: float = 4.0, alpha: float = 1.0, beta: float = 8.0, warmup: float = 0.0) -> None:
        if temperature <= 0:
            raise ConfigError(f"the temperature of dkd is {temperature}", "a number above 0")
        if alpha < 0 or beta < 0:
            raise ConfigError(f"dkd has alpha {alpha} and beta {beta}", "numbers of 0 or above")
        if not 0 <= warmup <= 1:
            raise ConfigError(f"the warmup of dkd is {warmup}", "a share of the training, 0 to 1")
        self.temperature, self.alpha, self.beta, self.warmup = temperature, alpha, beta, warmup
        self._grown = 1.0

    def set_progress(self, progress: float) -> None:
        """Set the share of the training that is done.

        Args:
            progress: 0..1.
        """
        self._grown = min(1.0, progress / self.warmup) if self.warmup else 1.0

    def __call__(self, student: Taps, teacher: Taps | None, batch: ReIDBatch) -> Tensor:
        """Return the loss of one batch; images without a label are left out."""
        ours, theirs, labels = labelled_logits("dkd", student, teacher, batch)
        return self._grown * dkd_loss(
            ours, theirs, labels, temperature=self.temperature, alpha=self.alpha, beta=self.beta
        )
