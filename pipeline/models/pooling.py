"""Global pooling: a feature map becomes one vector an image."""

import torch
from torch import Tensor, nn

from pipeline.errors import ConfigError


def gem_pool(features: Tensor, exponent: Tensor | float, *, eps: float = 1e-6) -> Tensor:
    """Return the generalised mean over positions, ``(mean_hw max(x, eps)^p)^(1/p)``, computed in fp32.

    Args:
        features: (B, C, h, w) feature map.
        exponent: p > 0; 1 is the mean, large values approach the maximum.
        eps: lower clamp; a power of a negative number is not real, and the slope of x^p at 0 is infinite for p < 1.

    Returns:
        (B, C) float32.

    Reference:
        Radenovic, Tolias, Chum. Fine-tuning CNN image retrieval with no human annotation. TPAMI 2019.
    """
    with torch.autocast(features.device.type, enabled=False):
        # x^3 of a half-precision map overflows above 40, so the power is never taken in half precision.
        powered = features.float().clamp(min=eps).pow(exponent)
        return powered.mean(dim=(2, 3)).pow(1.0 / exponent)


class GeM(nn.Module):
    """Generalised mean with one learnable exponent.

    Args:
        exponent: initial p.
        eps: lower clamp of the activations.
    """

    def __init__(self, *, exponent: float = 3.0, eps: float = 1e-6) -> None:
        super().__init__()
        self.exponent = nn.Parameter(torch.tensor(float(exponent)))
        self.eps = eps

    def forward(self, features: Tensor) -> Tensor:
        """Pool (B, C, h, w) to (B, C)."""
        return gem_pool(features, self.exponent, eps=self.eps)


class AveragePool(nn.Module):
    """Mean over positions."""

    def forward(self, features: Tensor) -> Tensor:
        """Pool (B, C, h, w) to (B, C)."""
        return features.mean(dim=(2, 3))


class MaxAveragePool(nn.Module):
    """Sum of the maximum and the mean over positions."""

    def forward(self, features: Tensor) -> Tensor:
        """Pool (B, C, h, w) to (B, C)."""
        return features.amax(dim=(2, 3)) + features.mean(dim=(2, 3))


POOLINGS: dict[str, type[nn.Module]] = {"average": AveragePool, "gem": GeM, "max_average": MaxAveragePool}


def make_pooling(name: str) -> nn.Module:
    """Return the pooling layer of that name.

    Args:
        name: ``average``, ``gem`` or ``max_average``.

    Raises:
        ConfigError: the name is not in the table.
    """
    if name not in POOLINGS:
        raise ConfigError(f"there is no pooling {name!r}", f"one of {', '.join(sorted(POOLINGS))}")
    return POOLINGS[name]()
