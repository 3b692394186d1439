"""The feature pyramid: maps of one width at every stride, coarser than the trunk's where wanted."""

from collections import OrderedDict
from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import FeaturePyramidNetwork

from pipeline.errors import ConfigError

PYRAMID_NORMS = ("bn", "none")


class Pyramid(nn.Module):
    """Top-down pyramid over the maps of a trunk, and levels beyond them by convolutions of stride 2.

    Args:
        widths: channels of the trunk's maps by stride, ascending.
        width: channels of every level.
        extra_levels: number of levels coarser than the trunk's coarsest map.
        norm: 'bn' normalises every convolution by batch, which training from scratch needs; 'none' is the paper's.

    Raises:
        ConfigError: the norm does not exist.

    Reference:
        Lin et al. Feature pyramid networks for object detection. CVPR 2017.
    """

    def __init__(self, widths: Mapping[int, int], *, width: int, extra_levels: int = 0, norm: str = "bn") -> None:
        super().__init__()
        if norm not in PYRAMID_NORMS:
            raise ConfigError(f"pyramid_norm is {norm!r}", f"one of {', '.join(PYRAMID_NORMS)}")
        layer = nn.BatchNorm2d if norm == "bn" else None
        self.top_down = FeaturePyramidNetwork(list(widths.values()), width, norm_layer=layer)
        self.coarser = nn.ModuleList(_shrinking(width, norm) for _ in range(extra_levels))
        self.width = width
        finest = tuple(widths)
        self.strides = finest + tuple(finest[-1] * 2 ** (i + 1) for i in range(extra_levels))

    def forward(self, maps: Mapping[int, Tensor]) -> dict[int, Tensor]:
        """Map the trunk's (B, C, h, w) by stride to (B, width, h, w) by stride."""
        named = self.top_down(OrderedDict((str(stride), level) for stride, level in maps.items()))
        levels = list(named.values())
        for position, layer in enumerate(self.coarser):
            levels.append(layer(F.relu(levels[-1]) if position else levels[-1]))
        return dict(zip(self.strides, levels, strict=True))


def _shrinking(width: int, norm: str) -> nn.Module:
    convolution = nn.Conv2d(width, width, 3, stride=2, padding=1, bias=norm == "none")
    nn.init.kaiming_uniform_(convolution.weight, a=1)
    if convolution.bias is not None:
        nn.init.zeros_(convolution.bias)
        return convolution
    return nn.Sequential(convolution, nn.BatchNorm2d(width))
