"""What a detector's rounds remember."""

from dataclasses import dataclass
from typing import ClassVar

from pipeline.training.best_state import BestState


@dataclass
class DetectorMemory(BestState):
    """The best pair of detectors so far; of two equally good ones the later."""

    takes_equal: ClassVar[bool] = True
