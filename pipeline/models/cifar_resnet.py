"""The small residual networks of the distillation papers, for images of 32 x 32 pixels and below."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.errors import ConfigError

PREFIX = "cifar/"
_NARROW, _WIDE = (16, 16, 32, 64), (32, 64, 128, 256)
# Depth, and the widths of the stem and the three stages.
CIFAR_RESNETS: dict[str, tuple[int, tuple[int, ...]]] = {
    **{f"{PREFIX}resnet{depth}": (depth, _NARROW) for depth in (8, 14, 20, 32, 44, 56, 110)},
    **{f"{PREFIX}resnet{depth}x4": (depth, _WIDE) for depth in (8, 32)},
}


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut, which is a 1 x 1 convolution where the shape changes.

    Args:
        entering: channels of the input.
        leaving: channels of the output.
        stride: of the first convolution and of the shortcut.
    """

    def __init__(self, entering: int, leaving: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(entering, leaving, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(leaving)
        self.conv2 = nn.Conv2d(leaving, leaving, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(leaving)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or entering != leaving:
            self.shortcut = nn.Sequential(nn.Conv2d(entering, leaving, 1, stride, bias=False), nn.BatchNorm2d(leaving))

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, entering, H, W) to (B, leaving, H / stride, W / stride)."""
        inner = F.relu(self.bn1(self.conv1(features)))
        return F.relu(self.bn2(self.conv2(inner)) + self.shortcut(features))


class CifarResNet(nn.Module):
    """A 3 x 3 stem without pooling and three stages, of which the last two halve the map.

    Args:
        depth: 6 n + 2, with n blocks a stage.
        widths: channels of the stem and of the three stages.

    Raises:
        ConfigError: the depth is not 6 n + 2, or there are not four widths.

    Reference:
        He et al. Deep residual learning for image recognition. CVPR 2016, with projections at every change of width as
        in Tian et al. Contrastive representation distillation. ICLR 2020, which also made the networks four times as
        wide (x4).
    """

    # Modules of the stages, for taps.
    stages: ClassVar[dict[str, str]] = {"stage1": "layer1", "stage2": "layer2", "stage3": "layer3"}

    def __init__(self, *, depth: int, widths: Sequence[int] = _NARROW) -> None:
        super().__init__()
        blocks = (depth - 2) // 6
        if depth != 6 * blocks + 2 or blocks < 1:
            raise ConfigError(f"a CIFAR ResNet of depth {depth}", "6 n + 2, such as 8, 14, 20, 32, 56, 110")
        if len(widths) != 4 or min(widths) < 1:
            raise ConfigError(f"widths {list(widths)} of a CIFAR ResNet", "four numbers: stem and three stages")
        self.num_features = int(widths[3])
        self.conv1 = nn.Conv2d(3, widths[0], 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        for number in (1, 2, 3):
            entering, leaving = widths[number - 1], widths[number]
            rest = [BasicBlock(leaving, leaving, stride=1) for _ in range(blocks - 1)]
            first = BasicBlock(entering, leaving, stride=1 if number == 1 else 2)
            self.add_module(f"layer{number}", nn.Sequential(first, *rest))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, 3, H, W) to (B, num_features, H / 4, W / 4)."""
        features = F.relu(self.bn1(self.conv1(images)))
        for number in (1, 2, 3):
            features = self.get_submodule(f"layer{number}")(features)
        return features


def build_cifar_resnet(arch: str, *, pretrained: bool, ibn: str, args: Mapping[str, Any] | None) -> CifarResNet:
    """Build a network of the table.

    Args:
        arch: a key of CIFAR_RESNETS.
        pretrained: refused, there are no weights on the hub.
        ibn: refused unless ``none``.
        args: ``widths`` to have others than the name says.

    Raises:
        ConfigError: something is asked for that these networks do not have.
    """
    if arch not in CIFAR_RESNETS:
        raise ConfigError(f"there is no trunk {arch!r}", f"one of {', '.join(CIFAR_RESNETS)}")
    if pretrained:
        raise ConfigError(f"{arch} has no weights on the hub", "weights: scratch, or the path of a weights file")
    if ibn != "none":
        raise ConfigError(f"ibn is {ibn!r} for {arch}", "none")
    depth, widths = CIFAR_RESNETS[arch]
    given = dict(args or {})
    chosen = given.pop("widths", widths)
    if given or not isinstance(chosen, list | tuple) or not all(isinstance(width, int) for width in chosen):
        raise ConfigError(f"{arch} got arguments {dict(args or {})}", "widths: [stem, stage 1, stage 2, stage 3]")
    return CifarResNet(depth=depth, widths=chosen)
