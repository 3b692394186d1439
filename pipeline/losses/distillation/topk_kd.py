"""Distillation of a teacher's highest classes on strongly augmented images."""

from typing import ClassVar, Literal

import torch.nn.functional as F
from torch import Tensor

from pipeline.errors import ConfigError
from pipeline.losses.distillation.logit_pairs import mean_over_images, paired_logits
from pipeline.losses.vectors import at_least_float32
from pipeline.types import ReIDBatch, Taps

Mode = Literal["raw", "renorm"]


def top_mass(teacher: Tensor, *, k: int) -> Tensor:
    """Return the probability that the teacher gives to its k highest classes.

    Args:
        teacher: (B, C) logits.
        k: number of classes; all of them where there are fewer.

    Returns:
        (B,) in 0..1.
    """
    probabilities = F.softmax(at_least_float32(teacher.detach()), dim=1)
    return probabilities.topk(min(k, teacher.shape[1]), dim=1).values.sum(1)


def topk_kd_loss(student: Tensor, teacher: Tensor, *, k: int = 5, mode: Mode = "raw", gate: float = 0.0) -> Tensor:
    """Return the mean of ``sum_k p_k (log p_k - log q_k)`` over the teacher's K highest classes, at temperature 1.

    ``raw`` cuts the sum off and nothing else. It is no divergence: it's lowest, at ``m log m < 0`` for a teacher with
    mass m in these classes, where the student is the teacher renormalised on them, so it pushes all others to zero.
    ``renorm`` renormalises both sides on these classes; it is a divergence, >= 0, and leaves the others alone.

    Args:
        student: (B, C) logits.
        teacher: (B, C) logits on the same augmented pixels; no gradient is sent to them.
        k: number of classes; from C on this is the whole divergence.
        mode: ``raw`` or ``renorm``.
        gate: images on which the teacher's mass in these classes is lower count as 0.

    Returns:
        Scalar, 0 where both say the same.

    Reference:
        Wei et al. Circumventing outliers of AutoAugment with knowledge distillation. ECCV 2020. A re-implementation
        from second-hand descriptions, no code is public: published are K = 5 on ImageNet and the weight 0.5;
        ``renorm`` and the gate are ours.
    """
    ours = F.log_softmax(at_least_float32(student), dim=1)
    theirs = F.log_softmax(at_least_float32(teacher.detach()), dim=1)
    theirs, classes = theirs.topk(min(k, theirs.shape[1]), dim=1)
    ours = ours.gather(1, classes)
    is_trusted = theirs.exp().sum(1) >= gate
    if mode == "renorm":
        ours, theirs = F.log_softmax(ours, dim=1), F.log_softmax(theirs, dim=1)
    return mean_over_images((theirs.exp() * (theirs - ours)).sum(1) * is_trusted)


class TopKKD:
    """Objective: the student's identity logits follow the teacher's K highest classes.

    The teacher has to see the augmented pixels, as it does in every stage. The facts are ``mass``, the mean mass of the
    teacher's K classes, ``trusted``, the share of images above the gate, and ``entropy``, that of the teacher in nats.

    Args:
        k: number of classes; 10 to 20 for some hundred identities, more the stronger the augmentation.
        mode: ``raw``, as published, or ``renorm``, better where the teacher knows nobody, as on a target.
        gate: lowest mass of the teacher's K classes, 0..1.
    """

    reads: ClassVar[tuple[str, ...]] = ("logits",)
    needs_teacher: ClassVar[bool] = True
    needs_labels: ClassVar[bool] = False

    def __init__(self, *, k: int = 5, mode: Mode = "raw", gate: float = 0.0) -> None:
        if k < 1:
            raise ConfigError(f"the k of topk_kd is {k}", "1 or above")
        if mode not in ("raw", "renorm"):
            raise ConfigError(f"the mode of topk_kd is {mode!r}", "raw or renorm")
        if mode == "renorm" and k == 1:
            raise ConfigError("topk_kd renormalises one class, which is always 1", "a k of 2 or above, or mode raw")
        if not 0 <= gate < 1:
            raise ConfigError(f"the gate of topk_kd is {gate}", "a share, 0 or above and below 1")
        self.k, self.mode, self.gate = k, mode, gate
        self._facts: dict[str, Tensor] = {}

    def facts(self) -> dict[str, Tensor]:
        """Return how sure the teacher was of the last batch."""
        return self._facts

    def __call__(self, student: Taps, teacher: Taps | None, batch: ReIDBatch) -> Tensor:
        """Return the loss of one batch."""
        ours, theirs = paired_logits("topk_kd", student, teacher)
        mass, logs = top_mass(theirs, k=self.k), F.log_softmax(theirs, dim=1)
        self._facts = {
            "mass": mean_over_images(mass),
            "trusted": mean_over_images((mass >= self.gate).to(mass.dtype)),
            "entropy": mean_over_images(-(logs.exp() * logs).sum(1)),
        }
        return topk_kd_loss(ours, theirs, k=self.k, mode=self.mode, gate=self.gate)
