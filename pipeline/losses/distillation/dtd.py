"""Dynamic temperature: every image has a temperature of its own, lower where the student is confused."""

from collections.abc import Mapping
from typing import Any, Literal

from torch import Tensor

from pipeline.errors import ConfigError
from pipeline.losses.distillation.image_temperatures import (
    cwsm_weights,
    flsw_weights,
    image_temperatures,
    normalised,
)
from pipeline.losses.distillation.ka import is_wrong, shifted
from pipeline.losses.distillation.logit_pairs import divergences, labelled_logits, mean_over_images, paired_logits
from pipeline.losses.vectors import at_least_float32
from pipeline.types import ReIDBatch, Taps

Kind = Literal["flsw", "cwsm"]
Weights = Literal["sum1", "raw"]


def dtd_loss(student: Tensor, teacher: Tensor, *, temperatures: Tensor) -> Tensor:
    """Return the mean of ``tau_x^2 KL(p || q)`` with each image's own temperature on both sides.

    Args:
        student: (B, C) logits.
        teacher: (B, C) logits; no gradient is sent to them.
        temperatures: (B,), each > 0; no gradient is sent to them.

    Returns:
        Scalar >= 0, 0 where both say the same.

    Reference:
        Wen, Lai, Qian. Preparing lessons: improve knowledge distillation with better supervision. Neurocomputing 2021.
        An implementation up to constants that could not be verified: temperature 4, spread, clamp and the default of
        weights that sum to 1 are ours.
    """
    tau = temperatures.detach()[:, None]
    ours, theirs = at_least_float32(student), at_least_float32(teacher.detach())
    return mean_over_images(tau[:, 0].square() * divergences(ours / tau, theirs / tau))


class DTD:
    """Objective: the student's logits follow the teacher's at a temperature of each image's own.

    The facts ``min_temperature``, ``mean_temperature`` and ``max_temperature`` tell how much it does; with ``adjust``,
    ``changed`` is the share of images on which the teacher is wrong.

    Args:
        kind: ``flsw`` weighs an image by how far student and teacher point apart, ``cwsm`` by how unsure the student
            is.
        tau0: mean temperature.
        rho: spread with weights that sum to 1: ``tau_x = tau_0 (1 + rho (1 - B w_x))`` whatever the batch size B; 0.5
            where neither it nor beta is given.
        beta: spread in the published form, ``tau_x = tau_0 + beta (mean w - w_x)``; with raw weights 1 where it isn't
            given.
        gamma: power of the ``flsw`` weights; 1 where it isn't given.
        clamp: lowest and highest temperature.
        center: take each image's mean logit off before the cosine of ``flsw``.
        weights: ``sum1`` divides the weights by their sum over the batch, ``raw`` takes them as they are.
        adjust: ``ps`` puts the teacher right where it is wrong, which needs identities (DTD-KA); the temperatures are
            those of its own answers.
    """

    needs_teacher: bool = True
    # `adjust` decides about the next three; these are those of the default.
    reads: tuple[str, ...] = ("logits",)
    needs_labels: bool = False
    needs_identities: bool = False

    def __init__(
        self,
        *,
        kind: Kind = "flsw",
        tau0: float = 4.0,
        rho: float | None = None,
        beta: float | None = None,
        gamma: float | None = None,
        clamp: tuple[float, float] = (1.0, 12.0),
        center: bool = False,
        weights: Weights = "sum1",
        adjust: Literal["none", "ps"] = "none",
    ) -> None:
        if kind not in ("flsw", "cwsm"):
            raise ConfigError(f"the kind of dtd is {kind!r}", "flsw or cwsm")
        if weights not in ("sum1", "raw"):
            raise ConfigError(f"the weights of dtd are {weights!r}", "sum1 or raw")
        if adjust not in ("none", "ps"):
            raise ConfigError(f"the adjust of dtd is {adjust!r}", "none or ps")
        if not 0 < clamp[0] <= tau0 <= clamp[1]:
            raise ConfigError(f"dtd has tau0 {tau0} and clamp {list(clamp)}", "0 < lowest <= tau0 <= highest")
        if kind == "cwsm" and (gamma is not None or center):
            raise ConfigError("dtd of kind cwsm has gamma or center, which it does not use", "kind flsw with them")
        if gamma is not None and gamma <= 0:
            raise ConfigError(f"the gamma of dtd is {gamma}", "a number above 0")
        self.kind: Kind = kind
        self.tau0, self.clamp, self.center = tau0, clamp, center
        self.gamma = 1.0 if gamma is None else gamma
        self.weights: Weights = weights
        self.rho, self.beta = _spread(weights, rho, beta)
        self.needs_labels = self.needs_identities = adjust == "ps"
        self.reads = ("logits", "labels") if adjust == "ps" else ("logits",)
        self._facts: dict[str, Tensor] = {}

    @staticmethod
    def needs_identities_with(arguments: Mapping[str, Any]) -> bool:
        """Return whether labels have to be identities of the teacher.

        Args:
            arguments: as the configuration gives them.
        """
        return arguments.get("adjust", "none") != "none"

    def facts(self) -> dict[str, Tensor]:
        """Return the temperatures of the last batch, and the share of changed rows where there are any."""
        return self._facts

    def temperatures(self, student: Tensor, teacher: Tensor) -> Tensor:
        """Return the (B,) temperatures of one batch.

        Args:
            student: (B, C) logits.
            teacher: (B, C) logits, as the teacher said them.
        """
        if self.kind == "flsw":
            weights = flsw_weights(student, teacher, gamma=self.gamma, center=self.center)
        else:
            weights = cwsm_weights(student)
        if self.weights == "sum1":
            weights = normalised(weights)
        beta = self.beta if self.beta is not None else self.rho * self.tau0 * len(weights)
        return image_temperatures(weights, tau0=self.tau0, beta=beta, clamp=self.clamp)

    def __call__(self, student: Taps, teacher: Taps | None, batch: ReIDBatch) -> Tensor:
        """Return the loss of one batch; with ``adjust`` images without a label are left out."""
        changed = {}
        if self.needs_identities:
            ours, theirs, labels = labelled_logits("dtd", student, teacher, batch)
            target = shifted(theirs, labels)
            changed = {"changed": mean_over_images(is_wrong(theirs, labels).to(theirs.dtype))}
        else:
            ours, theirs = paired_logits("dtd", student, teacher)
            target = theirs
        tau = self.temperatures(ours, theirs)
        self._facts = {**_extremes(tau), **changed}
        return dtd_loss(ours, target, temperatures=tau)


def _spread(weights: Weights, rho: float | None, beta: float | None) -> tuple[float, float | None]:
    if rho is not None and (beta is not None or weights == "raw"):
        other = "beta" if beta is not None else "weights raw"
        raise ConfigError(f"dtd has rho and {other}", "rho with weights sum1, or beta", "Leave one of them out.")
    if min(rho or 0.0, beta or 0.0) < 0:
        raise ConfigError(f"dtd has rho {rho} and beta {beta}", "numbers of 0 or above")
    if weights == "raw" and beta is None:
        return 0.0, 1.0
    return 0.5 if rho is None else rho, beta


def _extremes(tau: Tensor) -> dict[str, Tensor]:
    if not len(tau):
        return {}
    return {"min_temperature": tau.min(), "mean_temperature": tau.mean(), "max_temperature": tau.max()}
