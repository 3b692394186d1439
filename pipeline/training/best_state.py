"""The best state that rounds have reached so far, by a criterion that needs no labels."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol, Self

import torch
from torch import Tensor, nn

from pipeline.training.learner import Learner
from pipeline.training.tensor_names import under


class Side(Protocol):
    """One network of a pair: what is kept of it, and what learns in it."""

    @property
    def mean(self) -> nn.Module:
        """The network that is judged and handed over."""

    @property
    def player(self) -> Learner | None:
        """What learns; None where the network is frozen."""


Sides = Mapping[str, Side]


@dataclass
class BestState:
    """What rounds remember besides the networks' own state, and how it survives a kill.

    Args:
        best_score: largest criterion so far.
        best_round: rounds that had been trained when it was reached; 0 = before.
        best: weights of the mean networks at that time, by 'teacher.' and 'student.' names.
    """

    best_score: float = float("-inf")
    best_round: int = 0
    best: dict[str, Tensor] = field(default_factory=dict)
    # Whether a state as good as the best one replaces it, and the plain values that a resume point keeps.
    takes_equal: ClassVar[bool] = False
    plain: ClassVar[tuple[str, ...]] = ("best_score", "best_round")

    def take(self, number: int, score: float, sides: Sides) -> bool:
        """Keep the present mean networks where the score is the largest so far; return whether it is.

        Args:
            number: rounds trained.
            score: the label-free criterion.
            sides: the networks by name.
        """
        if score < self.best_score or (score == self.best_score and not self.takes_equal):
            return False
        self.best_score, self.best_round = score, number
        self.best = {
            f"{name}.{key}": value.detach().clone()
            for name, side in sides.items()
            for key, value in side.mean.state_dict().items()
        }
        return True

    def restore(self, sides: Sides) -> None:
        """Put the best weights back into the networks and their means; optimizers start afresh."""
        for name, side in sides.items():
            weights = under(self.best, f"{name}.")
            side.mean.load_state_dict(weights)
            if side.player is not None:
                side.player.network.load_state_dict(weights)
                side.player.optimizer.state.clear()

    def tensors(self) -> dict[str, Tensor]:
        """Return everything as named tensors; plain values travel as the bytes of their JSON."""
        kept = {f"best.{name}": value for name, value in self.best.items()}
        text = json.dumps({name: getattr(self, name) for name in self.plain}).encode()
        return {**kept, "plain": torch.frombuffer(bytearray(text), dtype=torch.uint8)}

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> Self:
        """Return what `tensors` was made from."""
        return cls(best=under(tensors, "best."), **json.loads(bytes(tensors["plain"].tolist()).decode()))
