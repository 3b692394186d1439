"""Normalised distillation: the label's soft target, and the other classes normalised among themselves."""

from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from pipeline.errors import ConfigError
from pipeline.losses.distillation.logit_pairs import labelled_logits, mean_over_images, without_label
from pipeline.losses.vectors import at_least_float32
from pipeline.types import ReIDBatch, Taps


def nkd_loss(
    student: Tensor, teacher: Tensor, labels: Tensor, *, gamma: float = 1.5, temperature: float = 1.0
) -> Tensor:
    """Return the mean of ``-p_y(t) log p_y(s) - gamma T^2 sum_{k != y} n_k(t) log n_k(s)``.

    p is the softmax over all classes at temperature 1, n the softmax over all classes but the label at temperature T.
    Both parts are cross-entropies, so the loss isn't 0 where both networks say the same; the first goes on raising the
    label there.

    Args:
        student: (B, C) logits.
        teacher: (B, C) logits; no gradient is sent to them.
        labels: (B,) int64 in 0..C-1.
        gamma: weight of the other classes.
        temperature: T > 0, of the other classes alone.

    Returns:
        Scalar >= 0.

    Reference:
        Yang et al. From knowledge distillation to self-knowledge distillation: a unified approach with normalized loss
        and customized soft labels. ICCV 2023. An implementation of the teacher's form.
    """
    ours, theirs = at_least_float32(student), at_least_float32(teacher.detach())
    own = labels[:, None]
    logs, target = F.log_softmax(ours, dim=1), F.softmax(theirs, dim=1)
    rows = -(target.gather(1, own) * logs.gather(1, own))[:, 0]
    if ours.shape[1] > 1 and len(ours):
        rest = F.log_softmax(without_label(ours, labels) / temperature, dim=1)
        soft = F.softmax(without_label(theirs, labels) / temperature, dim=1)
        rows = rows - gamma * temperature**2 * (soft * rest).sum(1)
    return mean_over_images(rows)


class NKD:
    """Objective: normalised distillation of identity logits at the true identity.

    Args:
        gamma: weight of the other classes.
        temperature: T > 0, of the other classes alone.
    """

    reads: ClassVar[tuple[str, ...]] = ("logits", "labels")
    needs_teacher: ClassVar[bool] = True
    needs_labels: ClassVar[bool] = True
    needs_identities: ClassVar[bool] = True

    def __init__(self, *, gamma: float = 1.5, temperature: float = 1.0) -> None:
        if temperature <= 0:
            raise ConfigError(f"the temperature of nkd is {temperature}", "a number above 0")
        if gamma < 0:
            raise ConfigError(f"the gamma of nkd is {gamma}", "a number of 0 or above")
        self.gamma, self.temperature = gamma, temperature

    def __call__(self, student: Taps, teacher: Taps | None, batch: ReIDBatch) -> Tensor:
        """Return the loss of one batch; images without a label are left out."""
        ours, theirs, labels = labelled_logits("nkd", student, teacher, batch)
        return nkd_loss(ours, theirs, labels, gamma=self.gamma, temperature=self.temperature)
