"""How the learning rate moves over a stage."""

from dataclasses import dataclass
from typing import Literal

from pipeline.losses.adaptation.schedules import annealed_rate
from pipeline.training.optim import warmup_cosine

Shape = Literal["cosine", "steps", "constant", "annealed"]


@dataclass(frozen=True)
class RateSchedule:
    """The factor on the base rate, after a linear warm-up.

    'cosine' falls to a hundredth, 'steps' falls by `drop` at each milestone, 'annealed' falls as (1 + 10 p)^-0.75 with
    p the share of all updates, 'constant' stays.

    Args:
        shape: how it moves.
        milestones: shares of all updates at which 'steps' falls.
        drop: factor of each milestone.
    """

    shape: Shape = "cosine"
    milestones: tuple[float, ...] = ()
    drop: float = 0.1

    def factor(self, step: int, *, total: int, warmup: int) -> float:
        """Return the factor of one update.

        Args:
            step: 0-based update.
            total: number of updates of the stage.
            warmup: updates of linear growth.
        """
        if self.shape == "cosine" or step < warmup:
            return warmup_cosine(step, total=total, warmup=warmup)
        if self.shape == "annealed":
            return annealed_rate(step + 1, base=1.0, epochs=total - 1)
        if self.shape == "constant":
            return 1.0
        # A hair of slack: the product of a share and a number of updates may lie just above a whole number.
        return self.drop ** sum(step + 1e-6 >= milestone * total for milestone in self.milestones)
