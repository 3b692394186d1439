"""The weighted sum of named terms, with watch over values that are not finite or never move."""

import logging
import math
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

import torch
from torch import Tensor

from pipeline.errors import ConfigError, TrainingError
from pipeline.types import LossTerms

logger = logging.getLogger(__name__)
ZERO_WATCH_STEPS = 20
Term = TypeVar("Term")


class WeightedTerms(Generic[Term]):
    """Named terms with their weights; who calls them with what is its owner's business.

    Args:
        terms: objective and weight by config key.

    Raises:
        ConfigError: a weight is negative or not finite.
    """

    def __init__(self, terms: Mapping[str, tuple[Term, float]]) -> None:
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

    def evaluate(self, value_of: Callable[[Term], Tensor], device: torch.device) -> LossTerms:
        """Evaluate every term.

        Args:
            value_of: calls one objective.
            device: where the values are.

        Returns:
            The weighted sum, the unweighted detached parts by config key, and what terms with a method `facts` tell of
            this call, by `key.fact`.

        Raises:
            TrainingError: a term is not finite; the message holds all terms.
        """
        total = torch.zeros((), device=device)
        parts: dict[str, Tensor] = {}
        facts: dict[str, Tensor] = {}
        # Autocast would undo the fp32 that every objective asks for in its matrix products.
        with torch.autocast(device.type, enabled=False):
            for name, objective in self.objectives.items():
                value = value_of(objective)
                parts[name] = value.detach()
                total = total + self.weights[name] * value
                # Read at once: the same object may be called for another domain next.
                if hasattr(objective, "facts"):
                    facts |= {f"{name}.{fact}": told.detach() for fact, told in objective.facts().items()}
        self._watch(parts)
        return LossTerms(total=total, parts=parts, facts=facts)

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
