"""How the weight moves from the teacher's adaptation to the student's distillation."""

from typing import Literal

from pydantic import Field

from pipeline.config.schema import StrictModel
from pipeline.losses.adaptation.schedules import WEIGHT_SCHEDULES


class BetaSettings(StrictModel):
    """The student's share of a step; the teacher has the rest."""

    schedule: Literal["constant", "linear", "exponential"] = "exponential"
    start: float = Field(0.1, gt=0, le=1)
    end: float = Field(0.9, gt=0, le=1)

    def value(self, position: int, *, of: int) -> float:
        """Return beta of a round.

        Args:
            position: 1-based round of its phase.
            of: rounds of the phase.
        """
        return WEIGHT_SCHEDULES[self.schedule](position, first=self.start, last=self.end, epochs=of)
