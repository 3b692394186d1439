"""What several teachers say in one step, and what of it is logged."""

from collections.abc import Mapping

import torch
from torch import Tensor

from pipeline import distributed
from pipeline.teaching.ensemble import EnsembleTeacher
from pipeline.training.scoped import SOURCE
from pipeline.types import ReIDBatch, Taps


class EnsembleVoice:
    """Lets several teachers speak, and counts whom a step has heard.

    Args:
        teacher: the networks.
    """

    def __init__(self, teacher: EnsembleTeacher) -> None:
        self.teacher = teacher
        self._counts = [0] * len(teacher.members)
        self._counted = 0

    def answers(self, batches: Mapping[str, ReIDBatch], step: int) -> tuple[dict[str, Taps], dict[str, Tensor]]:
        """Return this rank's taps by domain, and scalars to log.

        Args:
            batches: this rank's slices; labels of the source alone are read.
            step: 0-based number of the step.
        """
        said, facts = {}, self._heard(step)
        for name, batch in batches.items():
            labels = batch.labels if name == SOURCE else None
            said[name], weights = self.teacher.teach(batch.images, step=step, labels=labels)
            if weights is not None:
                means = distributed.gather_rows(weights.T.contiguous()).mean(0)
                facts |= {f"{name}.weight_{place + 1}": value for place, value in enumerate(means)}
        return said, facts

    def _heard(self, step: int) -> dict[str, Tensor]:
        """Return how often each one was drawn up to this step; after a resume the steps before are drawn again."""
        if self.teacher.combine != "random":
            return {}
        for earlier in range(self._counted, step + 1):
            self._counts[self.teacher.speaker(earlier)] += 1
        self._counted = max(self._counted, step + 1)
        return {f"heard_{place + 1}": torch.tensor(float(count)) for place, count in enumerate(self._counts)}
