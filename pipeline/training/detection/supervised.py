"""The task of training a detector on labelled frames."""

from collections.abc import Mapping

import torch
from torch import Tensor

from pipeline.detection_types import DetectionBatch
from pipeline.training.detection.player import DetectorPlayer, FrameView, on_device
from pipeline.training.scoped import SOURCE
from pipeline.types import LossTerms


class DetectorSupervisedTask:
    """Steps of one detector on labelled frames.

    Args:
        player: the network that learns.
        device: where it computes.
    """

    def __init__(self, player: DetectorPlayer, *, device: torch.device) -> None:
        self.player, self.device = player, device

    def step(self, batches: Mapping[str, DetectionBatch], step: int) -> LossTerms:
        """Take one step down the sum of the detector's own losses.

        Args:
            batches: this rank's slice of the labelled batch, as 'source'.
            step: 0-based number of the step.
        """
        views = {SOURCE: FrameView(on_device(batches[SOURCE], self.device))}
        said = self.player.forward(views)
        total = torch.stack([value.float() for value in said[SOURCE].losses.values()]).sum()
        self.player.learn(total, said)
        return LossTerms(total.detach(), {name: value.detach() for name, value in said[SOURCE].losses.items()})

    def state(self) -> dict[str, Tensor]:
        """Return what a resume point keeps."""
        return self.player.state()

    def load_state(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from a resume point."""
        self.player.load_state(tensors)
