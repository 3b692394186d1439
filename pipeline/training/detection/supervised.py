"""The task of training a detector on labelled frames."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from pipeline.detection_types import DetectionBatch
from pipeline.models.detection.detector import DetectorOutput
from pipeline.training.detection.learner import DetectorLearner, FrameView, on_device
from pipeline.types import LossTerms


class DetectorSupervisedTask:
    """Steps of one detector on labelled frames.

    Args:
        learner: the network that learns.
        device: where it computes.
    """

    def __init__(self, learner: DetectorLearner, *, device: torch.device) -> None:
        self.learner, self.device = learner, device

    def step(self, batches: Mapping[str, DetectionBatch], step: int) -> LossTerms:
        """Take one step down the sum of the detector's own losses.

        Args:
            batches: this rank's slice of the batch of each labelled domain.
            step: 0-based number of the step.
        """
        views = {name: FrameView(on_device(batch, self.device)) for name, batch in batches.items()}
        said = self.learner.forward(views)
        parts = summed(said.values())
        total = torch.stack(list(parts.values())).sum()
        self.learner.learn(total, said)
        return LossTerms(total.detach(), {name: value.detach() for name, value in parts.items()})

    def state(self) -> dict[str, Tensor]:
        """Return what a resume point keeps."""
        return self.learner.state()

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from a resume point."""
        self.learner.load_state(tensors)


def summed(said: Iterable[DetectorOutput]) -> dict[str, Tensor]:
    """Return the mean of equally named losses over the domains, by name.

    Args:
        said: what the detector said about each labelled domain.
    """
    found: dict[str, list[Tensor]] = {}
    for output in said:
        for name, value in output.losses.items():
            found.setdefault(name, []).append(value.float())
    return {name: torch.stack(values).mean() for name, values in found.items()}
