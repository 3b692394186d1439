"""A gate for each channel from its mean and its largest value, through one shared bottleneck."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def channel_gate(features: Tensor, reduce: Tensor, expand: Tensor) -> Tensor:
    """Return ``sigmoid(W2 relu(W1 a) + W2 relu(W1 m))`` with a the mean and m the maximum of each channel.

    Args:
        features: (B, C, h, w).
        reduce: (C / r, C), W1.
        expand: (C, C / r), W2.

    Returns:
        (B, C) in 0..1.
    """
    mean, largest = features.mean((2, 3)), features.amax((2, 3))
    hidden = F.relu(F.linear(mean, reduce)) + F.relu(F.linear(largest, reduce))
    # W2 is linear, so it may be applied to the sum.
    return torch.sigmoid(F.linear(hidden, expand))


class ChannelAttention(nn.Module):
    """Multiply each channel by its gate; a fresh one halves all of them alike.

    Args:
        channels: C.
        reduction: r; the bottleneck has max(1, C / r) units.

    Reference:
        Fu et al. Ultrafast video attention prediction with coupled knowledge distillation. AAAI 2020 (the gate of its
        CA-Res block). The first weights of W2 are ours: zero, because a random gate of maxima is spiky.
    """

    def __init__(self, channels: int, *, reduction: int = 16) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.reduce = nn.Linear(channels, hidden, bias=False)
        self.expand = nn.Linear(hidden, channels, bias=False)
        nn.init.zeros_(self.expand.weight)

    def forward(self, features: Tensor) -> Tensor:
        """Return the gated (B, C, h, w) features."""
        gate = channel_gate(features, self.reduce.weight, self.expand.weight)
        return features * gate[:, :, None, None]
