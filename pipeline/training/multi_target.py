"""The task of one student for several targets: at each of them its teacher adapts, then teaches the student there."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from datasets.loader import CropDataset
from pipeline.training.loop import Batches
from pipeline.training.progressive import ProgressiveTask, Side
from pipeline.training.relabel import TargetCrops
from pipeline.training.scoped import SOURCE, TARGET
from pipeline.training.tensor_names import under
from pipeline.types import LossTerms

_TARGETS, _STUDENT = "targets.", "student."
# What the student has of each target apart.
_OWN = ("student.space.", "student.rivals.")


@dataclass(frozen=True)
class MultiTargetDomains:
    """The crops of one source and several targets.

    Args:
        source: labelled, augmented.
        targets: unlabelled, by name, in the order in which a step visits them.
        num_identities: persons of the source.
    """

    source: CropDataset
    targets: Mapping[str, TargetCrops]
    num_identities: int


class MultiTargetTask:
    """Steps of several teachers and one student on one source batch and a batch of each target.

    For each target in turn: its teacher takes a step on the source batch and the target's, weighted 1 - beta, then the
    student takes one, weighted beta, hearing this teacher alone. Teachers are never averaged.

    Args:
        pairs: teacher and student of each target by name; the sides of the student share one player, and each has the
            terms, clusters and camera space of its target.

    Reference:
        Nguyen-Meidine et al. Unsupervised multi-target domain adaptation through knowledge distillation. WACV 2021.
        A re-implementation of the alternation; what the networks learn is a matter of their terms.
    """

    def __init__(self, pairs: Mapping[str, ProgressiveTask]) -> None:
        players = {id(pair.student.player) for pair in pairs.values()}
        assert len(players) == 1, f"one student for all targets, got {len(players)}"
        self.pairs = dict(pairs)

    @property
    def student(self) -> Side:
        """The student at its first target; its network is that of all."""
        return next(iter(self.pairs.values())).student

    @property
    def sides(self) -> dict[str, Side]:
        """Every network once, by name."""
        teachers = {f"teacher.{name}": pair.teacher for name, pair in self.pairs.items() if pair.teacher is not None}
        return {**teachers, "student": self.student}

    def step(self, batches: Batches, step: int) -> LossTerms:
        """Visit all targets in their order.

        Args:
            batches: this rank's slices of the source batch and of each target's batch.
            step: 0-based number of the step over all rounds.
        """
        total: Tensor | None = None
        parts: dict[str, Tensor] = {}
        facts: dict[str, Tensor] = {}
        for name, pair in self.pairs.items():
            terms = pair.step({SOURCE: batches[SOURCE], TARGET: batches[name]}, step)
            total = terms.total if total is None else total + terms.total
            parts |= {f"{name}.{key}": value for key, value in terms.parts.items()}
            facts |= {f"{name}.{key}": value for key, value in terms.facts.items()}
        return LossTerms(total if total is not None else torch.zeros(()), parts, facts)

    def state(self) -> dict[str, Tensor]:
        """Return what a resume point keeps: each teacher, the student once, and what it has of each target apart."""
        tensors: dict[str, Tensor] = {}
        for name, pair in self.pairs.items():
            for key, value in pair.state().items():
                if key.startswith(_STUDENT) and not key.startswith(_OWN):
                    tensors[key] = value
                else:
                    tensors[f"{_TARGETS}{name}.{key}"] = value
        return tensors

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from a resume point."""
        student = {f"{_STUDENT}{key}": value for key, value in under(tensors, _STUDENT).items()}
        for name, pair in self.pairs.items():
            pair.load_state({**student, **under(tensors, f"{_TARGETS}{name}.")})
