"""A timm network as a source of feature maps that are addressed by their stride."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn

from pipeline.errors import ConfigError
from pipeline.models.normalization import apply_ibn
from pipeline.models.trunks import create_timm, suggest_trunk
from pipeline.models.weights import load_weights

_PROBE_STRIDES = 2


class FeatureTrunk(nn.Module):
    """A timm network that returns its maps by stride.

    Args:
        body: network built with ``features_only``; its maps are (B, C, h, w) or (B, h, w, C).
        strides: pixels a cell of each map, ascending.
        widths: channels of each map.
    """

    def __init__(self, body: nn.Module, *, strides: Sequence[int], widths: Sequence[int]) -> None:
        super().__init__()
        self.body = body
        self.strides, self.widths = tuple(strides), tuple(widths)
        self.is_channels_last = str(getattr(body, "output_fmt", "")).endswith("NHWC")

    def forward(self, images: Tensor) -> dict[int, Tensor]:
        """Map (B, 3, H, W), H and W multiples of the coarsest stride, to (B, C, h, w) by stride."""
        maps = self.body(images)
        if self.is_channels_last:
            maps = [level.permute(0, 3, 1, 2) for level in maps]
        return dict(zip(self.strides, maps, strict=True))

    def load_file(self, path: Path) -> None:
        """Copy the tensors of a classifier's, a re-ID model's or a detector's file into the trunk.

        Args:
            path: safetensors file, or a plain state dict.

        Raises:
            CheckpointError: the file is not usable, or nothing in it belongs to this network.
        """
        load_weights(_unflattened(self.body), path)


def build_feature_trunk(
    arch: str,
    strides: Sequence[int],
    *,
    pretrained: bool = False,
    ibn: str = "none",
    args: Mapping[str, Any] | None = None,
) -> FeatureTrunk:
    """Build a trunk that has the wanted strides; what lies behind the coarsest of them is left out.

    Args:
        arch: ``timm/<name>[.<tag>]``.
        strides: pixels a cell of each wanted map, ascending.
        pretrained: fetch the hub's weights.
        ibn: ``none``, ``a`` or ``b``; ResNet-like networks only.
        args: keyword arguments of the timm network, such as ``channels`` and ``layers`` of a ResNet.

    Raises:
        ConfigError: the name, an argument or a stride does not exist, or weights cannot be fetched.
    """
    name = _known_name(arch)
    given = {**dict(args or {}), "features_only": True}
    by_stride = available_strides(arch, args=args)
    missing = [stride for stride in strides if stride not in by_stride]
    if missing:
        raise ConfigError(
            f"{arch} has no feature map of stride {', '.join(map(str, missing))}",
            f"strides among {', '.join(map(str, sorted(by_stride)))}",
        )
    places = tuple(by_stride[stride] for stride in strides)
    body = apply_ibn(create_timm(name, pretrained=pretrained, args={**given, "out_indices": places}), ibn)
    trunk = FeatureTrunk(body, strides=strides, widths=body.feature_info.channels())  # type: ignore[union-attr, operator]
    _probe(trunk, arch)
    return trunk


def available_strides(arch: str, *, args: Mapping[str, Any] | None = None) -> dict[int, int]:
    """Return the strides of a timm network's maps, each with the position of its deepest map.

    Args:
        arch: ``timm/<name>``.
        args: keyword arguments of the network.

    Raises:
        ConfigError: there is no such network, or it cannot be built in this way.
    """
    given = {**dict(args or {}), "features_only": True}
    info = create_timm(_known_name(arch).split(".")[0], pretrained=False, args=given).feature_info
    return dict(zip(info.reduction(), info.out_indices, strict=True))  # type: ignore[union-attr, operator, arg-type]


def _known_name(arch: str) -> str:
    """Return timm's name of a trunk."""
    name = arch.removeprefix("timm/")
    if name == arch or not timm.is_model(name.split(".")[0]):
        raise ConfigError(f"there is no detector trunk {arch!r}", suggest_trunk(arch, others=()))
    return name


def _probe(trunk: FeatureTrunk, arch: str) -> None:
    """Check on a small image that the maps are what the network's description promises."""
    side = _PROBE_STRIDES * max(trunk.strides)
    was_training = trunk.training
    trunk.eval()
    try:
        with torch.no_grad():
            maps = trunk(torch.zeros(1, 3, side, 2 * side))
    except (AssertionError, RuntimeError) as error:
        raise ConfigError(
            f"{arch} does not take images of any size ({str(error).splitlines()[0]})",
            "a network with a free input size",
            "Try args: {dynamic_img_size: true} for a transformer, or take a convolutional network.",
        ) from error
    trunk.train(was_training)
    for stride, width in zip(trunk.strides, trunk.widths, strict=True):
        found, wanted = tuple(maps[stride].shape[1:]), (width, side // stride, 2 * side // stride)
        if found != wanted:
            raise ConfigError(f"the map of {arch} at stride {stride} is {found}", f"{wanted}", "Take another trunk.")


def _unflattened(body: nn.Module) -> nn.Module:
    """Return a view of a network under the names of the classifier that it was cut from.

    timm spells 'stages.0' as 'stages_0' where it takes a sequence of stages apart.
    """
    view = nn.Module()
    for name, child in body.named_children():
        parent, _, place = name.rpartition("_")
        if parent and place.isdigit():
            if not hasattr(view, parent):
                view.add_module(parent, nn.Module())
            getattr(view, parent).add_module(place, child)
        else:
            view.add_module(name, child)
    return view
