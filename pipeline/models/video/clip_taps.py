"""What a network says about a batch of clips."""

from dataclasses import dataclass

from torch import Tensor

from pipeline.types import Taps


@dataclass(frozen=True)
class ClipTaps:
    """The answers of all heads.

    Args:
        frames: (B, L, D) embedding of each frame by the spatial head.
        pairs: (B, P, D) embedding of each pair of neighbouring frames by the temporal head; P is max(1, L - 1).
        spatial: of the mean of the frames.
        temporal: of the mean of the pairs.
        fused: of both together.
    """

    frames: Tensor
    pairs: Tensor
    spatial: Taps
    temporal: Taps
    fused: Taps

    def head(self, name: str) -> Taps:
        """Return the taps of `spatial`, `temporal` or `fused`."""
        return {"spatial": self.spatial, "temporal": self.temporal, "fused": self.fused}[name]
