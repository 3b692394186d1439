"""The proximal step of a teacher that learns from labels without leaving its student behind."""

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from pipeline.errors import ConfigError
from pipeline.losses.distillation.kd import kd_loss
from pipeline.losses.supervised.cross_entropy import cross_entropy_loss
from pipeline.types import ReIDBatch, Taps

Rule = Literal["weighted", "constrained"]


def proximal_loss(
    logits: Tensor, anchor_logits: Tensor, labels: Tensor, *, lam: float = 0.4, temperature: float = 1.0
) -> Tensor:
    """Return ``(1 - lam) CE(q, y) + lam T^2 KL(p || q)``, with q of the teacher that learns and p of its student.

    At T = 1 and for free q the minimum is ``(1 - lam) onehot(y) + lam p``: labels smoothed by the student's belief.

    Args:
        logits: (B, C) of the teacher that learns.
        anchor_logits: (B, C) of the student; no gradient is sent to them.
        labels: (B,) int64 in 0..C-1; -1 is left out of the first part.
        lam: 0..1; 0 forgets the student, 1 the labels.
        temperature: T > 0 of the second part alone, because labels have none.

    Returns:
        Scalar float32.

    Reference:
        Shi et al. Follow your path: a progressive method for knowledge distillation. ECML-PKDD 2021. Implementation at
        T = 1; the temperature is ours.
    """
    distance = kd_loss(logits, anchor_logits, temperature=temperature)
    return (1.0 - lam) * cross_entropy_loss(logits, labels) + lam * distance


class Proximal(nn.Module):
    """Objective of a teacher: learn the labels, but stay within reach of what the student says now.

    `constrained` minimises ``CE + beta (KL - eps)`` and moves the multiplier after each call,
    ``beta <- max(0, beta + eta (KL - eps))``. Beta is a buffer, so that a resumed run goes on with it.

    Args:
        lam: share of the student's answers with `weighted`, in 0..1.
        temperature: T > 0 of the student's part.
        rule: `weighted` or `constrained`.
        eps: T^2 KL that `constrained` allows, in nats, 0 or above.
        eta: step of beta.
        beta0: where beta starts, 0 or above.

    Raises:
        ConfigError: a number is out of its range.
    """

    reads: ClassVar[tuple[str, ...]] = ("logits", "labels")
    needs_teacher: ClassVar[bool] = True
    needs_labels: ClassVar[bool] = True
    needs_identities: ClassVar[bool] = True

    beta: Tensor

    def __init__(
        self,
        *,
        lam: float = 0.4,
        temperature: float = 1.0,
        rule: Rule = "weighted",
        eps: float = 1.0,
        eta: float = 1e-3,
        beta0: float = 1.0,
    ) -> None:
        super().__init__()
        if not 0.0 <= lam <= 1.0:
            raise ConfigError(f"lam of proximal is {lam}", "a number in 0..1", "0.4 is the paper's.")
        if temperature <= 0:
            raise ConfigError(f"the temperature of proximal is {temperature}", "a number above 0")
        if min(eps, eta, beta0) < 0:
            raise ConfigError(f"proximal has eps {eps}, eta {eta}, beta0 {beta0}", "numbers of 0 or above")
        self.lam, self.temperature, self.eps, self.eta = lam, temperature, eps, eta
        self.rule: Rule = rule
        self.register_buffer("beta", torch.tensor(float(beta0)))
        self._facts: dict[str, Tensor] = {}

    def forward(self, student: Taps, teacher: Taps | None, batch: ReIDBatch) -> Tensor:
        """Return the loss of one batch.

        Args:
            student: the network that learns, which here is the teacher of the pair.
            teacher: the network that it stays near to, which here is the student of the pair.
            batch: with labels.
        """
        logits, other = _compared(student, teacher)
        assert batch.labels is not None, "proximal needs labels"
        distance = kd_loss(logits, other, temperature=self.temperature)
        self._facts = {"distance": distance.detach()}
        if self.rule == "weighted":
            return (1.0 - self.lam) * cross_entropy_loss(logits, batch.labels) + self.lam * distance
        # A copy, because the next lines move beta and backward needs what it was.
        beta = self.beta.clone()
        self._facts["beta"] = beta
        self.beta.copy_((beta + self.eta * (distance.detach() - self.eps)).clamp(min=0.0))
        return cross_entropy_loss(logits, batch.labels) + beta * (distance - self.eps)

    def facts(self) -> dict[str, Tensor]:
        """Return the last call's T^2 KL(student || teacher) and, with `constrained`, the multiplier that it used."""
        return dict(self._facts)


def _compared(learner: Taps, other: Taps | None) -> tuple[Tensor, Tensor]:
    assert other is not None, "proximal needs the student's answers"
    assert learner.logits is not None, "proximal needs a teacher with a classifier"
    assert other.logits is not None, "proximal needs a student with a classifier"
    if learner.logits.shape != other.logits.shape:
        raise ConfigError(
            f"proximal compares {learner.logits.shape[1]} teacher classes with {other.logits.shape[1]} student classes",
            "classifiers over the same identities",
            "Train the teacher on the same source as the student.",
        )
    return learner.logits, other.logits
