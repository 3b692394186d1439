"""Block-wise supervision: what a candidate block learns from a teacher's block, and how candidates are ranked."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

# A teacher's map that does not vary tells nothing; dividing by its deviation must not give infinity.
_TINY = 1e-12


def block_loss(predicted: Tensor, wanted: Tensor) -> Tensor:
    """Return ``|Y - Y'|^2 / K``, averaged over the images.

    Args:
        predicted: (B, C, h, w) Y', what the candidate makes of the teacher's previous map.
        wanted: (B, C, h, w) Y, the teacher's map; K is its number of entries an image.

    Returns:
        Scalar >= 0.

    Reference:
        Li et al. Block-wisely supervised neural architecture search with knowledge distillation (DNA). CVPR 2020.
        Re-implementation; candidates of a stage are trained side by side instead of one path of a supernet a step.
    """
    return F.mse_loss(predicted, wanted)


@dataclass
class BlockRank:
    """The relative error ``mean |Y - Y'| / std(Y)`` of a candidate over any number of batches; smaller is better.

    The deviation is that of all entries, divided by their number.

    Args:
        entries: number of entries that were added.
        error: sum of |Y - Y'|.
        total: sum of Y.
        squares: sum of Y^2.

    Reference:
        Li et al. DNA. CVPR 2020, equation of the relative L1 loss. Implementation.
    """

    entries: int = 0
    error: float = 0.0
    total: float = 0.0
    squares: float = 0.0

    def add(self, predicted: Tensor, wanted: Tensor) -> None:
        """Take a batch into account.

        Args:
            predicted: any shape.
            wanted: the same shape.
        """
        # In float64: squares of thousands of maps are added up, and the mean is taken away from them.
        ours, theirs = predicted.detach().double(), wanted.detach().double()
        self.entries += theirs.numel()
        self.error += float((ours - theirs).abs().sum())
        self.total += float(theirs.sum())
        self.squares += float(theirs.square().sum())

    @property
    def value(self) -> float:
        """The relative error of all that was added."""
        assert self.entries, "a rank of no map"
        mean = self.total / self.entries
        variance = max(self.squares / self.entries - mean * mean, _TINY)
        return float(self.error / self.entries / variance**0.5)
