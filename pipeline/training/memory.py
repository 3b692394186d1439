"""What an adaptation remembers between rounds, and how it survives a kill."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from pipeline.training.best_state import BestState, Sides
from pipeline.training.tensor_names import under


@dataclass
class AdaptationMemory(BestState):
    """State of the rounds besides the networks' own.

    Args:
        labels: pseudo-labels of the present round, None without.
        threshold: of the reliability rule, fixed in the first round.
        harmful: harmful rounds in a row.
        rollbacks: times that the rounds went back.
        facts: about the present round, for the log.
        is_back: whether the networks were just restored.
        path: judged rounds whose states led to the present one; those that were taken back are left out.
    """

    labels: np.ndarray | None = None
    threshold: float | None = None
    harmful: int = 0
    rollbacks: int = 0
    facts: dict[str, Any] = field(default_factory=dict)
    is_back: bool = False
    path: list[int] = field(default_factory=list)
    plain: ClassVar[tuple[str, ...]] = (*BestState.plain, "threshold", "harmful", "rollbacks", "facts", "path")

    def restore(self, sides: Sides) -> None:
        """Put the best weights back into the networks that learn; a frozen one stays where it is on its route."""
        super().restore({name: side for name, side in sides.items() if side.player is not None})

    def of_target(self, name: str) -> "AdaptationMemory":
        """Return what is remembered of one target; of an only target that is this very memory.

        Args:
            name: of the target.
        """
        del name
        return self

    def tensors(self) -> dict[str, Tensor]:
        """Return everything as named tensors."""
        labels = {} if self.labels is None else {"labels": torch.from_numpy(self.labels)}
        return {**super().tensors(), **labels}

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> Self:
        """Return what `tensors` was made from."""
        memory = super().of(tensors)
        memory.labels = tensors["labels"].numpy() if "labels" in tensors else None
        return memory


@dataclass
class MultiTargetMemory(AdaptationMemory):
    """State of the rounds on several targets; pseudo-labels, threshold and facts stand in the memory of each target.

    Args:
        targets: of each target by name, as far as it has been met.
    """

    targets: dict[str, AdaptationMemory] = field(default_factory=dict)

    def of_target(self, name: str) -> AdaptationMemory:
        """Return what is remembered of one target."""
        return self.targets.setdefault(name, AdaptationMemory())

    def tensors(self) -> dict[str, Tensor]:
        """Return everything as named tensors."""
        parts = {
            f"targets.{name}.{key}": value
            for name, memory in self.targets.items()
            for key, value in memory.tensors().items()
        }
        return {**super().tensors(), **parts}

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> Self:
        """Return what `tensors` was made from."""
        memory = super().of(tensors)
        parts = under(tensors, "targets.")
        for name in sorted({key.partition(".")[0] for key in parts}):
            memory.targets[name] = AdaptationMemory.of(under(parts, f"{name}."))
        return memory
