"""Narrower, wider, shallower and deeper versions of a trunk, as the arguments that it is built with."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from timm.models.convnext import ConvNeXt
from timm.models.resnet import ResNet
from torch import nn

from pipeline.errors import ConfigError
from pipeline.models.ca_residual import NAME as CA_RESIDUAL
from pipeline.models.cifar_resnet import CIFAR_RESNETS
from pipeline.models.osnet import CHANNELS, OSNET_NAMES
from pipeline.models.separable import CHANNELS as SEPARABLE_CHANNELS
from pipeline.models.separable import LAYERS
from pipeline.models.separable import NAME as SEPARABLE
from pipeline.models.trunks import create_timm, timm_name

# Channels stay multiples of this, as kernels of processors and the groups of OSNet want them.
CHANNEL_STEP = 4


@dataclass(frozen=True)
class Structure:
    """What decides the size of a trunk, stage by stage.

    Args:
        channels: of each stage, of a stem before them where its channels are chosen with them.
        layers: blocks of each stage; empty where nobody chooses them.
        channel_key: argument of the trunk that `channels` is.
        layer_key: argument of the trunk that `layers` is.
        stem: width of a ResNet's deep stem, or None where the stem is not chosen.
    """

    channels: tuple[int, ...]
    layers: tuple[int, ...] = ()
    channel_key: str = "channels"
    layer_key: str = "layers"
    stem: int | None = None

    def arguments(self) -> dict[str, Any]:
        """Return what the structure is to the trunk: a part of its keyword arguments, as plain values."""
        chosen: dict[str, Any] = {self.channel_key: list(self.channels)}
        if self.layers:
            chosen[self.layer_key] = list(self.layers)
        if self.stem is not None:
            chosen["stem_width"] = self.stem
        return chosen


def scaled_channels(channels: Sequence[int], width: float) -> tuple[int, ...]:
    """Return round(width c / 4) 4 for each number of channels c, 4 at least.

    Args:
        channels: positive.
        width: factor, above 0; 1 changes nothing.

    Reference:
        Howard et al. MobileNets: efficient convolutional neural networks for mobile vision applications. 2017. The
        step of 4 is ours; their released code has 8.
    """
    if width == 1:
        return tuple(channels)
    return tuple(CHANNEL_STEP * max(1, math.floor(width * c / CHANNEL_STEP + 0.5)) for c in channels)


def scaled_layers(layers: Sequence[int], depth: float) -> tuple[int, ...]:
    """Return ceil(depth n) for each number of blocks n.

    Args:
        layers: positive.
        depth: factor, above 0.

    Reference:
        Tan and Le. EfficientNet: rethinking model scaling for convolutional neural networks. ICML 2019, whose released
        code rounds up.
    """
    # Rounded first: 0.1 * 30 is a little more than 3.
    return tuple(max(1, math.ceil(round(depth * n, 6))) for n in layers)


def scaled_args(arch: str, args: Mapping[str, Any], *, width: float, depth: float) -> dict[str, Any]:
    """Return the arguments of a trunk with its channels and blocks multiplied.

    Args:
        arch: name of the trunk.
        args: its other arguments; channels and blocks that stand there are what is multiplied.
        width: factor on the channels of every stage.
        depth: factor on the blocks of every stage.

    Raises:
        ConfigError: the trunk has channels or blocks that nobody can choose.
    """
    if width == depth == 1:
        return dict(args)
    parent = structure_of(arch, args)
    if depth != 1 and not parent.layers:
        raise ConfigError(
            f"depth {depth:g} of {arch}, whose blocks stand in its name", "depth 1",
            "Choose the name, or the width, instead.",
        )  # fmt: skip
    scaled = Structure(
        scaled_channels(parent.channels, width), scaled_layers(parent.layers, depth), parent.channel_key,
        parent.layer_key, None if parent.stem is None else scaled_channels([parent.stem], width)[0],
    )  # fmt: skip
    return {**args, **scaled.arguments()}


def structure_of(arch: str, args: Mapping[str, Any]) -> Structure:
    """Return the channels and blocks of a trunk.

    Args:
        arch: name of the trunk.
        args: its arguments.

    Raises:
        ConfigError: there is no such trunk, or its channels cannot be chosen.
    """
    if arch in OSNET_NAMES:
        return Structure(tuple(args.get("channels", CHANNELS[OSNET_NAMES[arch][1]])))
    if arch == SEPARABLE:
        return Structure(tuple(args.get("channels", SEPARABLE_CHANNELS)), tuple(args.get("layers", LAYERS)))
    if arch in CIFAR_RESNETS:
        return Structure(tuple(args.get("widths", CIFAR_RESNETS[arch][1])), channel_key="widths")
    if arch == CA_RESIDUAL:
        raise _not_chosen(arch, "it has args: {width: 0.5} and args: {stages: ...} of its own")
    # The weights are of no interest, and nobody's random numbers may move on for them.
    with torch.random.fork_rng(devices=[]):
        body = create_timm(timm_name(arch), pretrained=False, args=dict(args))
    found = _of_resnet(body) if isinstance(body, ResNet) else _of_convnext(body) if isinstance(body, ConvNeXt) else None
    if found is None:
        raise _not_chosen(arch, "timm has other sizes by name, such as mobilenetv3_small_050")
    return found


def _not_chosen(arch: str, instead: str) -> ConfigError:
    return ConfigError(
        f"the channels and blocks of {arch} cannot be chosen",
        "a ResNet or ConvNeXt of timm, separable, OSNet or a CIFAR ResNet", f"Leave width and depth at 1; {instead}.",
    )  # fmt: skip


def _of_resnet(body: Any) -> Structure:
    stages = [body.get_submodule(f"layer{number}") for number in range(1, 5)]
    stem, *infos = body.feature_info
    channels = tuple(info["num_chs"] // stage[0].expansion for info, stage in zip(infos, stages, strict=True))
    # The plain stem of timm has 64 channels whatever comes after it.
    deep = stem["num_chs"] // 2 if isinstance(body.conv1, nn.Sequential) else None
    return Structure(channels, tuple(len(stage) for stage in stages), stem=deep)


def _of_convnext(body: Any) -> Structure:
    channels = tuple(info["num_chs"] for info in body.feature_info)
    return Structure(channels, tuple(len(stage.blocks) for stage in body.stages), "dims", "depths")
