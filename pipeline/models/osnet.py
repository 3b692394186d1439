"""OSNet: omni-scale feature learning in a small network; plain, IBN and AIN variants in four widths."""

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from pipeline.errors import ConfigError

CHANNELS = {
    "x1_0": (64, 256, 384, 512),
    "x0_75": (48, 192, 288, 384),
    "x0_5": (32, 128, 192, 256),
    "x0_25": (16, 64, 96, 128),
}
STREAMS = 4
# Below it the gate of a block would have nothing to reduce to.
MIN_CHANNELS = 64
# Which of the two blocks of stages 2, 3 and 4 normalise by instance, and where: after the sum, or inside the branch.
INSTANCE_NORM: dict[str, tuple[tuple[str, str], ...]] = {
    "plain": (("none", "none"), ("none", "none"), ("none", "none")),
    "ibn": (("outer", "outer"), ("none", "none"), ("none", "none")),
    "ain": (("inner", "inner"), ("none", "inner"), ("inner", "none")),
}
OSNET_NAMES: dict[str, tuple[str, str]] = {
    f"osnet_{'' if variant == 'plain' else variant + '_'}{width}": (variant, width)
    for variant in INSTANCE_NORM
    for width in CHANNELS
}


class ConvNorm(nn.Module):
    """Convolution, normalisation, optional ReLU.

    Args:
        inputs: channels in.
        outputs: channels out.
        kernel: odd kernel size; padding keeps the size at stride 1.
        stride: step of the convolution.
        norm: normalisation layer, or None.
        activation: whether a ReLU follows.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        kernel: int = 1,
        stride: int = 1,
        norm: type[nn.Module] | None = nn.BatchNorm2d,
        activation: bool = True,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False)
        self.bn = nn.Identity() if norm is None else norm(outputs, affine=True)
        self.act = nn.ReLU(inplace=True) if activation else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, h, w) to (B, outputs, h', w')."""
        return self.act(self.bn(self.conv(x)))


class LightConv(nn.Module):
    """Point-wise convolution, then depth-wise 3x3: the paper's light-weight replacement of a full 3x3."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 1, bias=False)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.bn = nn.BatchNorm2d(channels)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, channels, h, w) to the same shape."""
        return self.act(self.bn(self.conv2(self.conv1(x))))


class ChannelGate(nn.Module):
    """The unified aggregation gate: channel weights in 0..1 from a global average, shared by all streams."""

    def __init__(self, channels: int, *, reduction: int = 16) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // reduction, 1)
        self.fc2 = nn.Conv2d(channels // reduction, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Weight the channels of (B, channels, h, w)."""
        weights = self.fc2(torch.relu(self.fc1(x.mean(dim=(2, 3), keepdim=True))))
        return x * torch.sigmoid(weights)


class OSBlock(nn.Module):
    """Residual block whose branch sums gated streams of receptive field 3, 5, 7 and 9.

    Args:
        inputs: channels in.
        outputs: channels out.
        instance_norm: ``none``, ``outer`` (after the sum, IBN) or ``inner`` (at the end of the branch, AIN).
    """

    def __init__(self, inputs: int, outputs: int, *, instance_norm: str) -> None:
        super().__init__()
        middle = outputs // 4
        inner = instance_norm == "inner"
        self.conv1 = ConvNorm(inputs, middle)
        self.streams = nn.ModuleList(
            nn.Sequential(*(LightConv(middle) for _ in range(depth))) for depth in range(1, STREAMS + 1)
        )
        self.gate = ChannelGate(middle)
        self.conv3 = ConvNorm(middle, outputs, norm=None if inner else nn.BatchNorm2d, activation=False)
        self.inner_norm = nn.InstanceNorm2d(outputs, affine=True) if inner else nn.Identity()
        self.downsample = ConvNorm(inputs, outputs, activation=False) if inputs != outputs else nn.Identity()
        self.outer_norm = nn.InstanceNorm2d(outputs, affine=True) if instance_norm == "outer" else nn.Identity()
        self.act = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs, h, w) to (B, outputs, h, w)."""
        reduced = self.conv1(x)
        fused = sum(self.gate(stream(reduced)) for stream in self.streams)
        branch = self.inner_norm(self.conv3(fused))
        return self.act(self.outer_norm(branch + self.downsample(x)))


class OSNet(nn.Module):
    """The trunk: an image at 256 x 128 gives a map of 16 x 8.

    The paper's last fully connected layer is not part of the trunk: it is the embedding projection of the head.

    Args:
        variant: ``plain``, ``ibn`` or ``ain``.
        channels: of the stem, the first block's stage and the two after it.

    Raises:
        ConfigError: there are not four numbers, or a stage is too narrow for its gates.

    Reference:
        Zhou et al. Omni-scale feature learning for person re-identification. ICCV 2019 (plain and IBN).
        Zhou et al. Learning generalisable omni-scale representations for person re-identification. TPAMI 2021 (AIN).
    """

    # Modules of the stages, for taps; the first convolution is the stem.
    stages: ClassVar[dict[str, str]] = {"stage1": "conv2", "stage2": "conv3", "stage3": "conv4", "stage4": "conv5"}

    def __init__(self, *, variant: str = "plain", channels: Sequence[int] = CHANNELS["x1_0"]) -> None:
        super().__init__()
        if len(channels) != 4 or min(channels) < 1 or any(c % 4 or c < MIN_CHANNELS for c in channels[1:]):
            raise ConfigError(
                f"channels {list(channels)} of an OSNet", "those of the stem and of three stages, the latter multiples "
                f"of 4 from {MIN_CHANNELS} on", "Its gates reduce a quarter of a stage's channels sixteenfold.",
            )  # fmt: skip
        first, second, third, fourth = channels
        norms = INSTANCE_NORM[variant]
        stem_norm = nn.BatchNorm2d if variant == "plain" else nn.InstanceNorm2d
        self.num_features = fourth
        self.conv1 = ConvNorm(3, first, kernel=7, stride=2, norm=stem_norm)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.conv2 = _stage(first, second, norms[0])
        self.pool2 = nn.Sequential(ConvNorm(second, second), nn.AvgPool2d(2, stride=2))
        self.conv3 = _stage(second, third, norms[1])
        self.pool3 = nn.Sequential(ConvNorm(third, third), nn.AvgPool2d(2, stride=2))
        self.conv4 = _stage(third, fourth, norms[2])
        self.conv5 = ConvNorm(fourth, fourth)
        _initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, 3, H, W) to (B, num_features, H/16, W/16)."""
        x = self.maxpool(self.conv1(x))
        x = self.pool2(self.conv2(x))
        x = self.pool3(self.conv3(x))
        return self.conv5(self.conv4(x))


def translate_osnet_keys(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the tensors of the published OSNet weights to this file's names and drop their head.

    Args:
        state: published state dictionary, or one that already has our names.

    Returns:
        State dictionary with our names, without ``fc`` and ``classifier``.
    """
    rules = [
        (r"^module\.", ""),
        (r"^conv([23])\.2\.0\.", r"pool\1.0."),
        (r"\.conv2a\.", ".streams.0.0."),
        *((rf"\.conv2{letter}\.(\d)\.", rf".streams.{depth}.\1.") for depth, letter in enumerate("bcd", start=1)),
        (r"\.conv2\.(\d)\.layers\.", r".streams.\1."),
    ]
    # The plain family writes .IN for the norm after the sum, the AIN family for the one in the branch.
    inner = any(".layers." in name for name in state)
    rules.append((r"\.IN\.", ".inner_norm." if inner else ".outer_norm."))
    renamed: dict[str, Tensor] = {}
    for key, value in state.items():
        name = key
        for pattern, replacement in rules:
            name = re.sub(pattern, replacement, name)
        if not name.startswith(("fc.", "classifier.")):
            renamed[name] = value
    return renamed


def _stage(inputs: int, outputs: int, norms: tuple[str, str]) -> nn.Sequential:
    return nn.Sequential(
        OSBlock(inputs, outputs, instance_norm=norms[0]), OSBlock(outputs, outputs, instance_norm=norms[1])
    )


def _initialise(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
