"""The global context block, with which FGD compares how the cells of a map hang together."""

import torch
from torch import Tensor, nn

from pipeline.losses.detection.masks import masked_softmax


class ContextBlock(nn.Module):
    """Add to every cell what a weighted mean over all cells says, behind a small bottleneck.

    Args:
        width: channels of the map.

    Reference:
        Cao et al. GCNet: non-local networks meet squeeze-excitation networks and beyond. ICCVW 2019. Starts as the
        identity, since the last layer starts at 0.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        hidden = max(width // 2, 1)
        self.weigh = nn.Conv2d(width, 1, 1)
        last = nn.Linear(hidden, width)
        # The authors' LayerNorm sits on 1x1 maps: the same as one on vectors.
        self.transform = nn.Sequential(nn.Linear(width, hidden), nn.LayerNorm(hidden), nn.ReLU(inplace=True), last)
        nn.init.kaiming_normal_(self.weigh.weight, mode="fan_in", nonlinearity="relu")
        for start in (self.weigh.bias, last.weight, last.bias):
            assert start is not None, f"a layer of {width} channels has no bias"
            nn.init.zeros_(start)

    def forward(self, maps: Tensor, valid: Tensor) -> Tensor:
        """Return the map with its context added.

        Args:
            maps: (B, width, h, w).
            valid: (B, h, w) bool; the mean is over these cells.

        Returns:
            (B, width, h, w).
        """
        share = masked_softmax(self.weigh(maps).flatten(1), valid.flatten(1))
        context = torch.einsum("bck,bk->bc", maps.flatten(2), share)
        return maps + self.transform(context)[:, :, None, None]
