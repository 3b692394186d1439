"""A trunk of depth-wise separable convolutions whose channels and blocks can be chosen stage by stage."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor, nn

from pipeline.errors import ConfigError
from pipeline.models.normalization import apply_ibn

NAME = "separable"
# Those of the paper's network at width 1.
CHANNELS = (128, 256, 512, 1024)
LAYERS = (2, 2, 6, 2)


class SeparableBlock(nn.Module):
    """A 3 x 3 convolution of each channel by itself, then a 1 x 1 convolution across channels, each normalised.

    Args:
        entering: channels of the input.
        leaving: channels of the output.
        stride: of the first convolution.
    """

    def __init__(self, entering: int, leaving: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(entering, entering, 3, stride, 1, groups=entering, bias=False)
        self.bn1 = nn.BatchNorm2d(entering)
        self.act1 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(entering, leaving, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(leaving)
        self.act2 = nn.ReLU(inplace=True)
        self.has_shortcut = stride == 1 and entering == leaving

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, entering, H, W) to (B, leaving, H / stride, W / stride)."""
        inner = self.bn2(self.conv2(self.act1(self.bn1(self.conv1(features)))))
        return self.act2(inner + features if self.has_shortcut else inner)


class SeparableNet(nn.Module):
    """A 3 x 3 stem at half of the image, one block, and four stages that begin at a quarter of it.

    Args:
        channels: of the four stages; the stem has a quarter of the first, the block after it half.
        layers: blocks of the four stages.
        last_stride: 1 keeps the final map at one sixteenth of the image, 2 is the paper's.

    Raises:
        ConfigError: there are not four positive numbers of each.

    Reference:
        Howard et al. MobileNets: efficient convolutional neural networks for mobile vision applications. 2017. Ours
        differs: a shortcut around each block whose input and output have one shape, and the last stride.
    """

    # Modules of the stages, for taps.
    stages: ClassVar[dict[str, str]] = {f"stage{number}": f"layer{number}" for number in range(1, 5)}

    def __init__(
        self, *, channels: Sequence[int] = CHANNELS, layers: Sequence[int] = LAYERS, last_stride: int = 1
    ) -> None:
        super().__init__()
        for name, counts in (("channels", channels), ("layers", layers)):
            if len(counts) != 4 or min(counts) < 1:
                raise ConfigError(f"{name} {list(counts)} of {NAME}", "four positive numbers, one of each stage")
        self.num_features = int(channels[3])
        stem, entering = max(4, channels[0] // 4), max(4, channels[0] // 2)
        self.conv1 = nn.Conv2d(3, stem, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(stem)
        self.act1 = nn.ReLU(inplace=True)
        self.block1 = SeparableBlock(stem, entering, stride=1)
        for number, (leaving, count) in enumerate(zip(channels, layers, strict=True), start=1):
            first = SeparableBlock(entering, leaving, stride=last_stride if number == 4 else 2)
            rest = [SeparableBlock(leaving, leaving, stride=1) for _ in range(count - 1)]
            self.add_module(f"layer{number}", nn.Sequential(first, *rest))
            entering = leaving
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                # By the inputs of a sum: nine for a channel by itself, however many channels there are.
                nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, 3, H, W) to (B, num_features, H / 16, W / 16)."""
        features = self.block1(self.act1(self.bn1(self.conv1(images))))
        for number in range(1, 5):
            features = self.get_submodule(f"layer{number}")(features)
        return features


def build_separable(
    *, pretrained: bool, ibn: str, last_stride: int | None, args: Mapping[str, Any] | None
) -> SeparableNet:
    """Build the trunk.

    Args:
        pretrained: refused, there are no weights on the hub.
        ibn: ``none``, ``a`` or ``b``, where a ResNet has it.
        last_stride: 1 or 2; None is 1.
        args: ``channels`` and ``layers``, one number a stage.

    Raises:
        ConfigError: something is asked for that the network does not have.
    """
    if pretrained:
        raise ConfigError(f"{NAME} has no weights on the hub", "weights: scratch, or the path of a weights file")
    given = dict(args or {})
    are_lists = all(
        isinstance(counts, list | tuple) and all(isinstance(count, int) for count in counts)
        for counts in given.values()
    )
    if not are_lists or not set(given) <= {"channels", "layers"}:
        raise ConfigError(f"{NAME} got arguments {given}", "channels and layers, four numbers each")
    network = SeparableNet(**given, last_stride=last_stride or 1)
    apply_ibn(network, ibn)
    return network
