"""A frozen teacher that goes along stored states of its own training, one anchor after the other."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from pipeline.errors import TrainingError
from pipeline.teaching.route import next_anchor

State = Mapping[str, Tensor]


class RoutedTeacher:
    """Puts the state of the present anchor into a network; the student keeps its optimizer and its one schedule.

    Args:
        network: takes the states; never learns.
        states: of all anchors, weights and buffers, in the order of the teacher's training.
        starts: step at which each chosen anchor begins to teach, ascending from 0.
        anchors: the chosen ones, 1-based into `states`, strictly increasing.
        budget: steps after which a student is asked which anchor comes next; 0 = all are chosen already.
        segments: anchors that may be chosen at most; the last of them is the last state.
        delta: of `next_anchor`.
    """

    def __init__(
        self,
        network: nn.Module,
        states: Sequence[State],
        *,
        starts: Sequence[int],
        anchors: Sequence[int],
        budget: int = 0,
        segments: int = 0,
        delta: float = 2.0,
    ) -> None:
        self.network, self.states = network, states
        self.starts, self.anchors = list(starts), list(anchors)
        self.budget, self.segments, self.delta = budget, segments, delta
        self._loaded = 0

    def enter(self, step: int) -> bool:
        """Let the anchor of a step speak, and return whether another one spoke before.

        Args:
            step: 0-based number of the step over all rounds.

        Raises:
            TrainingError: somebody has moved the anchor that spoke before.
        """
        position = max(i for i, start in enumerate(self.starts) if start <= step)
        return self._load(self.anchors[position])

    def arrive(self) -> None:
        """Go to the last state, which is the one that is handed over."""
        self._load(len(self.states))

    def is_due(self, step: int) -> bool:
        """Return whether a student has finished its anchor at this step and the next one is to be chosen."""
        return self.budget > 0 and self.anchors[-1] < len(self.states) and step == self.budget * len(self.starts)

    def choose(self, step: int, hardness: Sequence[float]) -> int:
        """Choose the anchor that teaches from this step on, and return it.

        Args:
            step: number of finished steps.
            hardness: of all states for the student as it is now.
        """
        is_last = len(self.anchors) + 1 >= self.segments
        chosen = len(self.states) if is_last else next_anchor(hardness, self.anchors[-1], self.delta)
        self.starts.append(step)
        self.anchors.append(chosen)
        return chosen

    def state(self) -> dict[str, Tensor]:
        """Return what a resume point keeps: the anchors chosen so far."""
        return {"starts": torch.tensor(self.starts), "anchors": torch.tensor(self.anchors)}

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from a resume point."""
        self.starts, self.anchors = tensors["starts"].tolist(), tensors["anchors"].tolist()

    def check_unchanged(self) -> None:
        """Stop when the anchor that speaks is no longer what was stored.

        Raises:
            TrainingError: a parameter or a buffer differs.
        """
        now = self.network.state_dict()
        stored = self.states[self._loaded - 1] if self._loaded else now
        moved = [name for name, value in stored.items() if not torch.equal(now[name].cpu(), value.cpu())]
        if moved:
            raise TrainingError(
                f"anchor {self._loaded} of the route changed during the stage ({moved[0]})",
                "a teacher that stays as it was", "Report this: an objective writes to the teacher.",
            )  # fmt: skip

    def _load(self, anchor: int) -> bool:
        if anchor == self._loaded:
            return False
        self.check_unchanged()
        self.network.load_state_dict(dict(self.states[anchor - 1]))
        self._loaded = anchor
        return True
