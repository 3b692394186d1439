"""What an adaptation remembers between rounds, and how it survives a kill."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pipeline.training.progressive import ProgressiveTask, Side

_PLAIN = ("best_score", "best_round", "threshold", "harmful", "rollbacks")


@dataclass
class AdaptationMemory:
    """State of the rounds besides the networks' own.

    Args:
        labels: pseudo-labels of the present round, None without.
        best_score: largest criterion so far.
        best_round: rounds that had been trained when it was reached; 0 = before adaptation.
        best: weights of both mean networks at that time, by 'teacher.' and 'student.' names.
        threshold: of the reliability rule, fixed in the first round.
        harmful: harmful rounds in a row.
        rollbacks: times that the rounds went back.
        facts: about the present round, for the log.
        is_back: whether the networks were just restored.
    """

    labels: np.ndarray | None = None
    best_score: float = float("-inf")
    best_round: int = 0
    best: dict[str, Tensor] = field(default_factory=dict)
    threshold: float | None = None
    harmful: int = 0
    rollbacks: int = 0
    facts: dict[str, Any] = field(default_factory=dict)
    is_back: bool = False

    def take(self, number: int, score: float, task: ProgressiveTask) -> bool:
        """Keep the present mean networks where the score is the largest so far; return whether it is.

        Args:
            number: rounds trained.
            score: the label-free criterion.
            task: the networks.
        """
        if score <= self.best_score:
            return False
        self.best_score, self.best_round = score, number
        self.best = {
            f"{name}.{key}": value.detach().clone()
            for name, side in _sides(task)
            for key, value in side.mean.state_dict().items()
        }
        return True

    def restore(self, task: ProgressiveTask) -> None:
        """Put the best weights back into both networks and their means; optimizers start afresh."""
        for name, side in _sides(task):
            weights = {k.removeprefix(f"{name}."): v for k, v in self.best.items() if k.startswith(f"{name}.")}
            side.mean.load_state_dict(weights)
            if side.player is not None:
                side.player.model.load_state_dict(weights)
                side.player.optimizer.state.clear()

    def tensors(self) -> dict[str, Tensor]:
        """Return everything as named tensors; plain values travel as the bytes of their JSON."""
        kept = {f"best.{name}": value for name, value in self.best.items()}
        if self.labels is not None:
            kept["labels"] = torch.from_numpy(self.labels)
        plain = json.dumps({**{name: getattr(self, name) for name in _PLAIN}, "facts": self.facts}).encode()
        kept["plain"] = torch.frombuffer(bytearray(plain), dtype=torch.uint8)
        return kept

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> "AdaptationMemory":
        """Return what `tensors` was made from."""
        plain = json.loads(bytes(tensors["plain"].tolist()).decode())
        best = {name.removeprefix("best."): value for name, value in tensors.items() if name.startswith("best.")}
        labels = tensors["labels"].numpy() if "labels" in tensors else None
        return cls(labels=labels, best=best, **plain)


def _sides(task: ProgressiveTask) -> list[tuple[str, Side]]:
    both = (("teacher", task.teacher), ("student", task.student))
    return [(name, side) for name, side in both if side is not None]
