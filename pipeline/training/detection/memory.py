"""What a detector's rounds remember, and how it survives a kill."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from pipeline.training.detection.distil import DetectorDistillationTask


@dataclass
class DetectorMemory:
    """State of the rounds besides the networks' own.

    Args:
        best_score: largest criterion so far.
        best_round: rounds that had been trained when it was reached; 0 = before.
        best: weights of both mean networks at that time, by 'teacher.' and 'student.' names.
    """

    best_score: float = float("-inf")
    best_round: int = 0
    best: dict[str, Tensor] = field(default_factory=dict)

    def take(self, number: int, score: float, task: DetectorDistillationTask) -> bool:
        """Keep the present mean networks where the score is at least the largest so far; return whether it is.

        Args:
            number: rounds trained.
            score: the label-free criterion.
            task: the networks.
        """
        if score < self.best_score:
            return False
        self.best_score, self.best_round = score, number
        self.best = {
            f"{name}.{key}": value.detach().clone()
            for name, side in (("teacher", task.teacher), ("student", task.student))
            for key, value in side.mean.state_dict().items()
        }
        return True

    def restore(self, task: DetectorDistillationTask) -> None:
        """Put the best weights back into both mean networks."""
        for name, side in (("teacher", task.teacher), ("student", task.student)):
            weights = {k.removeprefix(f"{name}."): v for k, v in self.best.items() if k.startswith(f"{name}.")}
            side.mean.load_state_dict(weights)

    def tensors(self) -> dict[str, Tensor]:
        """Return everything as named tensors; plain values travel as the bytes of their JSON."""
        plain = json.dumps({"best_score": self.best_score, "best_round": self.best_round}).encode()
        best = {f"best.{name}": value for name, value in self.best.items()}
        return {**best, "plain": torch.frombuffer(bytearray(plain), dtype=torch.uint8)}

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> "DetectorMemory":
        """Return what `tensors` was made from."""
        plain = json.loads(bytes(tensors["plain"].tolist()).decode())
        best = {name.removeprefix("best."): value for name, value in tensors.items() if name.startswith("best.")}
        return cls(best=best, **plain)
