"""Knowledge adjustment: the teacher's answers are put right where it is wrong, before the student follows them."""

from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.errors import ConfigError
from pipeline.losses.distillation.logit_pairs import divergences, labelled_logits, mean_over_images
from pipeline.losses.vectors import at_least_float32
from pipeline.types import ReIDBatch, Taps

Adjustment = Literal["ps", "lsr"]


def is_wrong(logits: Tensor, labels: Tensor) -> Tensor:
    """Return where the largest logit is not the label's.

    Args:
        logits: (B, C).
        labels: (B,) int64 in 0..C-1.

    Returns:
        (B,) bool.
    """
    return logits.argmax(1) != labels


def shifted(logits: Tensor, labels: Tensor) -> Tensor:
    """Return logits in which the largest one and the label's have changed places (probability shift).

    Swapping logits is swapping probabilities, at any temperature. Rows that are right stay as they are.

    Args:
        logits: (B, C); not changed.
        labels: (B,) int64 in 0..C-1.
    """
    top, own = logits.argmax(1, keepdim=True), labels[:, None]
    swapped = logits.scatter(1, top, logits.gather(1, own))
    return swapped.scatter(1, own, logits.gather(1, top))


def ka_loss(
    student: Tensor,
    teacher: Tensor,
    labels: Tensor,
    *,
    mode: Adjustment = "ps",
    temperature: float = 4.0,
    smoothing: float = 0.1,
) -> Tensor:
    """Return the mean of ``T^2 KL(A(p) || q)``, where A puts the rows right in which the teacher p is wrong.

    ``ps`` swaps the entries of the teacher's choice and of the label. ``lsr`` puts ``1 - e`` on the label and spreads e
    over all classes; such a target isn't softened, so that row is compared at T = 1 and without T^2.

    Args:
        student: (B, C) logits.
        teacher: (B, C) logits; no gradient is sent to them.
        labels: (B,) int64 in 0..C-1, in the teacher's own classes.
        mode: ``ps`` or ``lsr``.
        temperature: T > 0.
        smoothing: e of ``lsr``, 0..1.

    Returns:
        Scalar >= 0; 0 where both say the same and the teacher is right.

    Reference:
        Wen, Lai, Qian. Preparing lessons: improve knowledge distillation with better supervision. Neurocomputing 2021.
        An implementation of ``ps``. For ``lsr`` the smoothing of 0.1 and the temperature of 1 are ours.
    """
    ours, theirs = at_least_float32(student), at_least_float32(teacher.detach())
    if mode == "ps":
        theirs = shifted(theirs, labels)
    rows = temperature**2 * divergences(ours / temperature, theirs / temperature)
    if mode == "lsr":
        classes = ours.shape[1]
        target = F.one_hot(labels, classes).to(ours.dtype) * (1.0 - smoothing) + smoothing / classes
        smoothed = (torch.xlogy(target, target) - target * F.log_softmax(ours, dim=1)).sum(1)
        rows = torch.where(is_wrong(theirs, labels), smoothed, rows)
    return mean_over_images(rows)


class KA:
    """Objective: the student follows a teacher whose mistakes on labelled images are put right.

    The fact ``changed`` is the share of images on which the teacher is wrong; where it is 0, this is plain kd.

    Args:
        mode: ``ps`` or ``lsr``.
        temperature: T > 0.
        smoothing: e of ``lsr``, 0..1; 0.1 where it isn't given.
    """

    reads: ClassVar[tuple[str, ...]] = ("logits", "labels")
    needs_teacher: ClassVar[bool] = True
    needs_labels: ClassVar[bool] = True
    needs_identities: ClassVar[bool] = True

    def __init__(self, *, mode: Adjustment = "ps", temperature: float = 4.0, smoothing: float | None = None) -> None:
        if mode not in ("ps", "lsr"):
            raise ConfigError(f"the mode of ka is {mode!r}", "ps or lsr")
        if temperature <= 0:
            raise ConfigError(f"the temperature of ka is {temperature}", "a number above 0")
        if smoothing is not None and mode == "ps":
            raise ConfigError("ka has a smoothing in mode ps, which has no use for it", "mode lsr with a smoothing")
        if smoothing is not None and not 0 <= smoothing <= 1:
            raise ConfigError(f"the smoothing of ka is {smoothing}", "a number from 0 to 1")
        self.mode: Adjustment = mode
        self.temperature, self.smoothing = temperature, 0.1 if smoothing is None else smoothing
        self._facts: dict[str, Tensor] = {}

    def facts(self) -> dict[str, Tensor]:
        """Return the share of changed rows in the last batch."""
        return self._facts

    def __call__(self, student: Taps, teacher: Taps | None, batch: ReIDBatch) -> Tensor:
        """Return the loss of one batch; images without a label are left out."""
        ours, theirs, labels = labelled_logits("ka", student, teacher, batch)
        self._facts = {"changed": mean_over_images(is_wrong(theirs, labels).to(theirs.dtype))}
        return ka_loss(ours, theirs, labels, mode=self.mode, temperature=self.temperature, smoothing=self.smoothing)
