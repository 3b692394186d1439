"""What an adaptation remembers between rounds, and how it survives a kill."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from pipeline.training.best_state import BestState


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
    """

    labels: np.ndarray | None = None
    threshold: float | None = None
    harmful: int = 0
    rollbacks: int = 0
    facts: dict[str, Any] = field(default_factory=dict)
    is_back: bool = False
    plain: ClassVar[tuple[str, ...]] = (*BestState.plain, "threshold", "harmful", "rollbacks", "facts")

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
