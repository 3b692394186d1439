"""What an objective is, and the weighted sum of several."""

import logging
import math
from collections.abc import Mapping
from typing import ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor

from pipeline.errors import ConfigError, TrainingError
from pipeline.types import LossTerms, ReIDBatch, Taps

logger = logging.getLogger(__name__)
ZERO_WATCH_STEPS = 20


@runtime_checkable
class Objective(Protocol):
    """Maps what the networks say about one batch to an unweighted scalar in fp32.

    ``reads`` names the taps that it uses, among ``embedding``, ``bn_embedding``, ``logits``, ``labels`` and
    ``maps:<module>``; they are checked when a run is built.
    """

    reads: ClassVar[tuple[str, ...]]
    needs_teacher: ClassVar[bool]
    needs_labels: ClassVar[bool]

    def __call__(self, student: Taps, teacher: Taps | None, batch: ReIDBatch) -> Tensor:
        """Return the unweighted scalar of one batch."""
        ...


@runtime_checkable
class DomainObjective(Protocol):
    """Compares what one network says about a source batch and a target batch; ``between_domains`` is True."""

    reads: ClassVar[tuple[str, ...]]
    needs_teacher: ClassVar[bool]
    needs_labels: ClassVar[bool]
    between_domains: ClassVar[bool]

    def __call__(self, source: Taps, target: Taps, source_batch: ReIDBatch, target_batch: ReIDBatch) -> Tensor:
        """Return the unweighted scalar of two batches."""
        ...


AnyObjective = Objective | DomainObjective


def is_between_domains(objective: AnyObjective | type) -> bool:
    """Return whether an objective is called with a source and a target batch.

    Args:
        objective: objective or its class.
    """
    return bool(getattr(objective, "between_domains", False))


class ObjectiveSum:
    """Weighted sum of named objectives, with watch over values that are not finite or never move.

    All terms are called with the same arguments, so terms between domains have a sum of their own.

    Args:
        terms: objective and weight by config key.

    Raises:
        ConfigError: terms of one batch and terms between domains are mixed, or a weight is negative or not finite.
    """

    def __init__(self, terms: Mapping[str, tuple[AnyObjective, float]]) -> None:
        kinds = {is_between_domains(objective) for objective, _ in terms.values()}
        if len(kinds) > 1:
            raise ConfigError(f"objectives {', '.join(terms)} mix one batch and two domains", "one sum for each")
        self.objectives = {name: objective for name, (objective, _) in terms.items()}
        self.weights: dict[str, float] = {}
        for name, (_, weight) in terms.items():
            self.set_weight(name, weight)
        self._steps = 0
        self._only_zero = set(terms)

    def set_weight(self, name: str, weight: float) -> None:
        """Change the weight of one term, for schedules.

        Args:
            name: config key of the term.
            weight: finite, not negative.

        Raises:
            ConfigError: there is no such term or the weight is not allowed.
        """
        if name not in self.objectives:
            raise ConfigError(f"there is no objective {name!r}", f"one of {', '.join(self.objectives)}")
        if not (math.isfinite(weight) and weight >= 0):
            raise ConfigError(f"the weight of {name} is {weight}", "a finite number, 0 or above")
        self.weights[name] = float(weight)

    def __call__(self, *views: Taps | ReIDBatch | None) -> LossTerms:
        """Evaluate every term.

        Args:
            *views: student, teacher and batch; or source, target, source batch and target batch.

        Returns:
            The weighted sum, and the unweighted detached parts by config key.

        Raises:
            TrainingError: a term is not finite; the message holds all terms.
        """
        device = next(view.embedding.device for view in views if isinstance(view, Taps))
        total = torch.zeros((), device=device)
        parts: dict[str, Tensor] = {}
        # Autocast would undo the fp32 that every objective asks for in its matrix products.
        with torch.autocast(device.type, enabled=False):
            for name, objective in self.objectives.items():
                value = objective(*views)  # type: ignore[arg-type]
                parts[name] = value.detach()
                total = total + self.weights[name] * value
        self._watch(parts)
        return LossTerms(total=total, parts=parts)

    def _watch(self, parts: Mapping[str, Tensor]) -> None:
        if not parts:
            return
        watching = self._steps < ZERO_WATCH_STEPS
        values = torch.stack([value.float().reshape(()) for value in parts.values()])
        if not bool(torch.isfinite(values).all()):
            shown = {name: float(value) for name, value in parts.items()}
            raise TrainingError(
                f"a loss term is not finite at step {self._steps}: {shown}",
                "finite numbers",
                "Lower the learning rate or the weight of that term, or switch mixed precision off.",
            )
        self._steps += 1
        if not watching:
            return
        moved = {name for name, value in zip(parts, values.tolist(), strict=True) if value != 0.0}
        self._only_zero -= moved
        if self._steps == ZERO_WATCH_STEPS and self._only_zero:
            names = ", ".join(sorted(self._only_zero))
            logger.warning("loss terms that were exactly zero in the first %d steps: %s", ZERO_WATCH_STEPS, names)
