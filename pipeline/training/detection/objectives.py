"""Distillation terms of a detector with the domains that each works on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.detection_types import DetectionBatch, DetectorTaps
from pipeline.losses.detection.objective import DetectionObjectiveSum
from pipeline.models.detection.detector import Detector
from pipeline.training.detection.domains import speak_for
from pipeline.types import LossTerms

# What an objective reads that a detector computes only when it is told to.
WANTS = {
    "regions": "regions", "penultimate": "penultimate", "region_logits": "penultimate", "dense": "dense",
    "towers": "towers",
}  # fmt: skip


@dataclass(frozen=True)
class ScopedDetectionObjective:
    """One configured term.

    Args:
        name: its key in the configuration, also in the log.
        objective: the configured object.
        weight: factor in the sum.
        on: the domains that it is called for.
    """

    name: str
    objective: Any
    weight: float
    on: tuple[str, ...]


class DetectionObjectives:
    """The weighted terms of a student over a step's domains.

    Args:
        terms: all configured terms.
    """

    def __init__(self, terms: list[ScopedDetectionObjective]) -> None:
        self.terms = terms
        self._bound: tuple[Detector, ...] = ()
        self._sums = _sums(terms)
        # For frames on which nobody has said what has to be found.
        self._sums_without_targets = _sums([term for term in terms if not term.objective.needs_targets])

    def wants(self, domain: str) -> frozenset[str]:
        """Return what both detectors have to compute on a domain beyond their pyramids."""
        read = {name for term in self.terms if domain in term.on for name in term.objective.reads}
        return frozenset(WANTS[name] for name in sorted(read) if name in WANTS)

    def reads(self, domain: str) -> bool:
        """Return whether any term looks at this domain."""
        return domain in self._sums

    def modules(self) -> nn.ModuleDict:
        """Return the terms that have parameters, so that they learn and are saved with the student's state."""
        return nn.ModuleDict({t.name: t.objective for t in self.terms if isinstance(t.objective, nn.Module)})

    def bind_teacher(self, teacher: Detector) -> None:
        """Give the teacher itself to the terms that pass something through it."""
        for term in self.terms:
            if hasattr(term.objective, "bind_teacher"):
                term.objective.bind_teacher(teacher)
                self._bound = (teacher,)

    def __call__(
        self,
        student: Mapping[str, DetectorTaps],
        teacher: Mapping[str, DetectorTaps],
        batches: Mapping[str, DetectionBatch],
    ) -> LossTerms:
        """Return the weighted sum over all domains of the step.

        Args:
            student: what the student says, by domain.
            teacher: what the teacher says on the same boxes, by domain.
            batches: the frames by domain.
        """
        device = next(iter(batches.values())).images.device
        total = torch.zeros((), device=device)
        parts: dict[str, Tensor] = {}
        facts: dict[str, Tensor] = {}
        for domain in self._sums:
            if domain not in student or domain not in teacher:
                continue
            sums = self._sums if batches[domain].targets is not None else self._sums_without_targets
            for model in self._bound:
                speak_for(model, domain)
            if domain in sums:
                terms = sums[domain](student[domain], teacher[domain], batches[domain])
                total = total + terms.total
                parts |= {f"{domain}.{name}": value for name, value in terms.parts.items()}
                facts |= {f"{domain}.{name}": value for name, value in terms.facts.items()}
        return LossTerms(total, parts, facts)


def _sums(terms: list[ScopedDetectionObjective]) -> dict[str, DetectionObjectiveSum]:
    domains = sorted({domain for term in terms for domain in term.on})
    return {
        domain: DetectionObjectiveSum({t.name: (t.objective, t.weight) for t in terms if domain in t.on})
        for domain in domains
    }
