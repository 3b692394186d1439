"""The inverted residual block with channel attention, and the light trunk that is made of it."""

from collections.abc import Sequence

from torch import Tensor, nn

from pipeline.errors import ConfigError
from pipeline.models.channel_attention import ChannelAttention

NAME = "ca_res"
# Width at width 1.0, blocks and stride of each stage; with the stem the last map is a sixteenth of the image. Ours: the
# paper's figure gives the block and about 0.16 M parameters, and no table.
STAGES: tuple[tuple[int, int, int], ...] = ((24, 2, 2), (32, 2, 2), (64, 2, 2))
STEM_WIDTH = 16


class CAResidual(nn.Module):
    """1 x 1 expansion, 3 x 3 depth-wise convolution, channel attention, linear 1 x 1 projection; a shortcut if it fits.

    Args:
        width: channels that come in.
        out_width: channels that go out.
        stride: of the depth-wise convolution.
        expansion: how many times wider the inside is.
        reduction: of the channel attention.

    Reference:
        Fu et al. Ultrafast video attention prediction with coupled knowledge distillation. AAAI 2020, on the block of
        Sandler et al. MobileNetV2. CVPR 2018. Where in the block the attention stands is our choice.
    """

    def __init__(self, width: int, out_width: int, *, stride: int = 1, expansion: int = 6, reduction: int = 16) -> None:
        super().__init__()
        inside = width * expansion
        self.expand = nn.Sequential(nn.Conv2d(width, inside, 1, bias=False), nn.BatchNorm2d(inside), nn.ReLU6())
        self.depthwise = nn.Sequential(
            nn.Conv2d(inside, inside, 3, stride, 1, groups=inside, bias=False), nn.BatchNorm2d(inside), nn.ReLU6()
        )
        self.attention = ChannelAttention(inside, reduction=reduction)
        self.project = nn.Sequential(nn.Conv2d(inside, out_width, 1, bias=False), nn.BatchNorm2d(out_width))
        start_convolutions(self)
        self.has_shortcut = stride == 1 and width == out_width

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, width, h, w) to (B, out_width, h / stride, w / stride)."""
        changed: Tensor = self.project(self.attention(self.depthwise(self.expand(features))))
        return features + changed if self.has_shortcut else changed


class CAResTrunk(nn.Module):
    """A stem and stages of CA-Res blocks.

    Args:
        width: factor on all widths, above 0.
        stages: width, number of blocks and stride of each stage.
        expansion: of the blocks.
    """

    def __init__(self, *, width: float = 1.0, stages: Sequence[Sequence[int]] = STAGES, expansion: int = 6) -> None:
        super().__init__()
        stem = scaled(STEM_WIDTH, width)
        self.stem = nn.Sequential(nn.Conv2d(3, stem, 3, 2, 1, bias=False), nn.BatchNorm2d(stem), nn.ReLU6())
        start_convolutions(self.stem)
        previous = stem
        self.stages: dict[str, str] = {}
        for number, (channels, blocks, stride) in enumerate(stages, start=1):
            out = scaled(channels, width)
            made = [
                CAResidual(previous if i == 0 else out, out, stride=stride if i == 0 else 1, expansion=expansion)
                for i in range(blocks)
            ]
            self.add_module(f"stage{number}", nn.Sequential(*made))
            self.stages[f"stage{number}"] = f"stage{number}"
            previous = out
        self.num_features = previous

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, 3, H, W) to (B, num_features, h, w)."""
        features: Tensor = self.stem(images)
        for name in self.stages:
            features = getattr(self, name)(features)
        return features


def start_convolutions(module: nn.Module) -> None:
    """Draw the first weights of all convolutions so that variances stay what they are on the way through.

    Args:
        module: whatever holds them.
    """
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")


def scaled(channels: int, width: float) -> int:
    """Return a width times a factor, in steps of 8 and at least 8."""
    return max(8, 8 * round(channels * width / 8))


def build_ca_residual(*, pretrained: bool, ibn: str, args: dict[str, object]) -> CAResTrunk:
    """Return the trunk `ca_res`.

    Args:
        pretrained: refused, there are no such weights.
        ibn: refused unless none.
        args: `width`, `stages`, `expansion`.

    Raises:
        ConfigError: what there isn't, or an argument out of range.
    """
    if pretrained or ibn != "none":
        wanted = "pretrained weights" if pretrained else f"ibn {ibn!r}"
        raise ConfigError(f"{NAME} with {wanted}", "weights: scratch or the path of a weights file, and ibn: none")
    known = {"width", "stages", "expansion"}
    if unknown := sorted(set(args) - known):
        raise ConfigError(f"{NAME} got arguments {', '.join(unknown)}", f"some of {', '.join(sorted(known))}")
    width, stages = args.get("width", 1.0), args.get("stages", STAGES)
    if not isinstance(width, int | float) or width <= 0:
        raise ConfigError(f"{NAME} got width {width!r}", "a number above 0")
    rows = list(stages) if isinstance(stages, list | tuple) else []
    if not rows or not all(isinstance(row, list | tuple) and len(row) == 3 for row in rows):
        raise ConfigError(f"{NAME} got stages {stages!r}", "a list of [channels, blocks, stride]")
    if not all(isinstance(value, int) and value >= 1 for row in rows for value in row):
        raise ConfigError(f"{NAME} got stages {stages!r}", "whole numbers of at least 1")
    expansion = args.get("expansion", 6)
    if not isinstance(expansion, int) or expansion < 1:
        raise ConfigError(f"{NAME} got expansion {expansion!r}", "a whole number of at least 1")
    return CAResTrunk(width=float(width), stages=rows, expansion=expansion)
