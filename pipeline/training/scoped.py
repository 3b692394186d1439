"""Objectives with the domain that each works on: the source batch, the target batch, or across both."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.errors import ConfigError
from pipeline.losses.objective import AnyObjective, ObjectiveSum, heard_maps_of, is_between_domains, maps_of
from pipeline.types import LossTerms, ReIDBatch, Taps

SOURCE, TARGET, ACROSS = "source", "target", "across"


@dataclass(frozen=True)
class ScopedObjective:
    """One configured term.

    Args:
        name: its key in the configuration, also in the log.
        objective: the configured object.
        weight: factor in the sum.
        on: the domains that it is called for, each once a step.
    """

    name: str
    objective: AnyObjective
    weight: float
    on: tuple[str, ...]


class ScopedObjectives:
    """The weighted terms of one player over a step's domains.

    Args:
        terms: all configured terms.

    Raises:
        ConfigError: a term is put on a domain that it cannot work on.
    """

    def __init__(self, terms: list[ScopedObjective]) -> None:
        self.terms = terms
        self._sums: dict[str, ObjectiveSum] = {}
        for domain in (SOURCE, TARGET, ACROSS):
            here = {term.name: (term.objective, term.weight) for term in terms if domain in term.on}
            for name, (objective, _) in here.items():
                if is_between_domains(objective) != (domain == ACROSS):
                    raise ConfigError(
                        f"objective {name} on {domain}",
                        "'across' for objectives between domains, else source or target",
                    )
            if here:
                self._sums[domain] = ObjectiveSum(here)

    def reads(self, domain: str) -> bool:
        """Return whether any term looks at this domain's batch."""
        return domain in self._sums or ACROSS in self._sums

    @property
    def needs_teacher(self) -> bool:
        """Return whether any term listens to a teacher."""
        return any(term.objective.needs_teacher for term in self.terms)

    @property
    def maps(self) -> tuple[str, ...]:
        """Return the names of the feature maps that terms read."""
        return tuple(sorted({name for term in self.terms for name in maps_of(term.objective)}))

    @property
    def heard_maps(self) -> tuple[str, ...]:
        """Return the names of the feature maps that terms read of a teacher."""
        return tuple(sorted({name for term in self.terms for name in heard_maps_of(term.objective)}))

    def modules(self) -> nn.ModuleDict:
        """Return the terms that have parameters or memory, so that they learn and are saved with their player."""
        return nn.ModuleDict({t.name: t.objective for t in self.terms if isinstance(t.objective, nn.Module)})

    def bind_networks(self, student: nn.Module, teacher: nn.Module) -> None:
        """Give the two networks themselves to the terms that read weights.

        Args:
            student: the one that learns.
            teacher: the one whose answers it hears.
        """
        for term in self.terms:
            if hasattr(term.objective, "bind_networks"):
                term.objective.bind_networks(student, teacher)

    def of_type(self, kind: type[Any]) -> list[Any]:
        """Return the objectives of one class."""
        return [term.objective for term in self.terms if isinstance(term.objective, kind)]

    @cached_property
    def without_teacher(self) -> "ScopedObjectives":
        """The terms that need no teacher."""
        return ScopedObjectives([t for t in self.terms if not t.objective.needs_teacher])

    @cached_property
    def without_target_labels(self) -> "ScopedObjectives":
        """The terms that are left while the target has no pseudo-labels."""
        rest = [replace(t, on=tuple(d for d in t.on if d == SOURCE)) if t.objective.needs_labels else t
                for t in self.terms]  # fmt: skip
        return ScopedObjectives([t for t in rest if t.on])

    def __call__(
        self, said: Mapping[str, Taps], teacher: Mapping[str, Taps], batches: Mapping[str, ReIDBatch]
    ) -> LossTerms:
        """Return the weighted sum over all domains of the step.

        Args:
            said: the learning network's taps by domain.
            teacher: the teacher's taps by domain; may be empty.
            batches: the global batches by domain.
        """
        total = torch.zeros((), device=next(iter(said.values())).embedding.device)
        parts: dict[str, Tensor] = {}
        facts: dict[str, Tensor] = {}
        for domain, objectives in self._sums.items():
            if domain == ACROSS:
                terms = objectives(said[SOURCE], said[TARGET], batches[SOURCE], batches[TARGET])
            else:
                terms = objectives(said[domain], teacher.get(domain), batches[domain])
            total = total + terms.total
            parts |= {f"{domain}.{name}": value for name, value in terms.parts.items()}
            facts |= {f"{domain}.{name}": value for name, value in terms.facts.items()}
        return LossTerms(total, parts, facts)
