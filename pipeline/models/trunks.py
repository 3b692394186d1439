"""Trunks by name: any timm network or OSNet, as a module that returns its last feature map."""

import difflib
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import timm
import torch
from torch import Tensor, nn

from pipeline.errors import ConfigError
from pipeline.models.ca_residual import NAME as CA_RESIDUAL
from pipeline.models.ca_residual import build_ca_residual
from pipeline.models.cifar_resnet import PREFIX as CIFAR
from pipeline.models.cifar_resnet import build_cifar_resnet
from pipeline.models.hub import REMEDY, cached_weights, check_hub
from pipeline.models.last_stride import remove_last_stride
from pipeline.models.normalization import apply_ibn
from pipeline.models.osnet import CHANNELS, OSNET_NAMES, OSNet
from pipeline.models.separable import NAME as SEPARABLE
from pipeline.models.separable import build_separable

logger = logging.getLogger(__name__)
PROBE_SIZE = (128, 64)
# What comes before a quarter of the image is a network's stem.
STEM_REDUCTION = 4


class TimmTrunk(nn.Module):
    """A timm network without its head; tokens and channels-last maps come out as (B, C, h, w).

    Args:
        body: timm network.
        size: (height, width) of an image that the body accepts.
    """

    def __init__(self, body: nn.Module, *, size: tuple[int, int]) -> None:
        super().__init__()
        self.body = body
        self.num_features = int(body.num_features)  # type: ignore[arg-type]
        self.size = size
        self.stages = _stages(body)
        features = _drop_unused(body, size)
        self.is_channels_last = features.ndim == 4 and features.shape[1] != self.num_features == features.shape[-1]

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, 3, H, W) to (B, num_features, h, w)."""
        return self.as_map(self.body.forward_features(images), images.shape[-2:])  # type: ignore[operator]

    def as_map(self, features: Tensor, size: Sequence[int]) -> Tensor:
        """Bring tokens and channels-last maps to (B, C, h, w).

        Args:
            features: output of the body or of one of its modules.
            size: (height, width) of the images.

        Raises:
            ConfigError: the tokens are no grid over the image.
        """
        if features.ndim == 3:
            grid = self._grid(size)
            # Class tokens and registers stand before those of the image.
            prefix = features.shape[1] - grid[0] * grid[1]
            if prefix not in (0, getattr(self.body, "num_prefix_tokens", 0)):
                raise ConfigError(
                    f"a tap of {type(self.body).__name__} returns {features.shape[1]} tokens",
                    f"{grid[0]} x {grid[1]} of them, one for each patch",
                )
            return features[:, prefix:].transpose(1, 2).unflatten(2, grid)
        return features.permute(0, 3, 1, 2) if self.is_channels_last and features.ndim == 4 else features

    def _grid(self, size: Sequence[int]) -> tuple[int, int]:
        size_of = getattr(getattr(self.body, "patch_embed", None), "dynamic_feat_size", None)
        if size_of is None:
            raise ConfigError(f"{type(self.body).__name__} returns tokens", "tokens of patches in a known grid")
        height, width = size_of(tuple(size))
        return int(height), int(width)


def build_trunk(
    arch: str,
    *,
    pretrained: bool = False,
    ibn: str = "none",
    last_stride: int | None = None,
    args: Mapping[str, Any] | None = None,
) -> nn.Module:
    """Build a trunk by name.

    Args:
        arch: ``timm/<name>[.<tag>]``, ``osnet_[ibn_|ain_]x1_0|x0_75|x0_5|x0_25``, ``separable``, ``ca_res`` or
            ``cifar/resnet<depth>[x4]``.
        pretrained: fetch the hub's weights (timm only).
        ibn: ``none``, ``a`` or ``b``; ``separable`` and ResNet-like timm trunks only.
        last_stride: 1 keeps the final map at one sixteenth of the image, 2 leaves the network as published; None is 1
            where the network allows it and 2 elsewhere.
        args: keyword arguments of the trunk, such as ``channels`` and ``layers`` of a ResNet.

    Returns:
        Module with ``num_features`` and forward (B, 3, H, W) -> (B, num_features, h, w).

    Raises:
        ConfigError: the name, an argument or the combination does not exist, or weights cannot be fetched.
    """
    if last_stride not in (None, 1, 2):
        raise ConfigError(f"last_stride is {last_stride}", "1 or 2")
    if arch in OSNET_NAMES:
        return _build_osnet(arch, pretrained=pretrained, ibn=ibn, args=args)
    if arch.startswith(CIFAR):
        return build_cifar_resnet(arch, pretrained=pretrained, ibn=ibn, args=args)
    if arch == CA_RESIDUAL:
        return build_ca_residual(pretrained=pretrained, ibn=ibn, args=dict(args or {}))
    if arch == SEPARABLE:
        return build_separable(pretrained=pretrained, ibn=ibn, last_stride=last_stride, args=args)
    name = timm_name(arch)
    body = create_timm(name, pretrained=pretrained, args=dict(args or {}))
    trunk = _as_trunk(name, apply_ibn(body, ibn), args=dict(args or {}), pretrained=pretrained)
    if last_stride != 2:
        _try_last_stride(arch, trunk, required=last_stride == 1)
    return trunk


def _build_osnet(arch: str, *, pretrained: bool, ibn: str, args: Mapping[str, Any] | None) -> nn.Module:
    if pretrained:
        raise ConfigError(f"{arch} has no weights on the hub", "weights: scratch, or the path of a weights file")
    if ibn != "none":
        raise ConfigError(
            f"ibn is {ibn!r} for {arch}", "none", "OSNet has it in the name: osnet_ibn_x1_0, osnet_ain_x1_0."
        )
    given = dict(args or {})
    variant, width = OSNET_NAMES[arch]
    channels = given.pop("channels", CHANNELS[width])
    if given or not isinstance(channels, list | tuple) or not all(isinstance(count, int) for count in channels):
        raise ConfigError(f"{arch} got arguments {dict(args or {})}", "channels: [stem, stage 1, stage 2, stage 3]")
    return OSNet(variant=variant, channels=channels)


def timm_name(arch: str) -> str:
    """Return the name that timm has for a trunk.

    Args:
        arch: ``timm/<name>[.<tag>]``.

    Raises:
        ConfigError: timm has no such network.
    """
    name = arch.removeprefix("timm/")
    if name == arch or not timm.is_model(name.split(".")[0]):
        raise ConfigError(f"there is no trunk {arch!r}", suggest_trunk(arch))
    return name


def suggest_trunk(arch: str, *, others: Sequence[str] = (*sorted(OSNET_NAMES), SEPARABLE, CA_RESIDUAL)) -> str:
    """Return what a message offers instead of an unknown name: the nearest known ones, else the form of a name.

    Args:
        arch: the unknown name.
        others: names beside those of timm.
    """
    # Compared without the prefix, which would make everything look alike.
    known = {name: f"timm/{name}" for name in timm.list_models()} | {name: name for name in others}
    wanted = arch.rsplit("/")[-1].split(".")[0]
    close = [wanted] if wanted in known else difflib.get_close_matches(wanted, known, n=4, cutoff=0.6)
    if close:
        return f"one of {', '.join(known[name] for name in close)}"
    return "timm/<name of a timm network>" + (" or osnet_x1_0, osnet_x0_25, ..." if others else "")


def create_timm(name: str, *, pretrained: bool, args: dict[str, Any]) -> nn.Module:
    """Build a timm network without its classifier.

    Args:
        name: of the network, without the prefix ``timm/``; a tag chooses among its weights.
        pretrained: take the hub's weights, from the local cache where they are there.
        args: keyword arguments of the network.

    Raises:
        ConfigError: an argument does not exist, or weights cannot be had.
    """
    source: dict[str, Any] = {}
    if pretrained:
        if not timm.is_model_pretrained(name):
            raise ConfigError(f"timm has no pretrained weights for {name!r}", "weights: scratch, or a weights file")
        cached = cached_weights(name)
        if cached is None:
            check_hub(name)
        else:
            source = {"pretrained_cfg_overlay": {"file": str(cached)}}
    try:
        return timm.create_model(name, pretrained=pretrained, num_classes=0, **args, **source)
    except (TypeError, AssertionError) as error:
        given = ", ".join(sorted(args)) or "no arguments"
        raise ConfigError(f"timm/{name} does not accept {given}: {_first_line(error)}") from error
    except Exception as error:
        # The hub's client raises the errors of whichever transport it uses, and they share no base class.
        if not pretrained:
            raise ConfigError(f"timm/{name} cannot be built: {_first_line(error)}") from error
        found = (
            f"the pretrained weights of timm/{name} could not be used ({type(error).__name__}: {_first_line(error)})"
        )
        raise ConfigError(found, "", REMEDY) from error


def _as_trunk(name: str, body: nn.Module, *, args: dict[str, Any], pretrained: bool) -> TimmTrunk:
    size = args.get("img_size", PROBE_SIZE)
    size = (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))
    try:
        return TimmTrunk(body, size=size)
    except (AssertionError, RuntimeError):
        logger.info("timm/%s has a fixed input size; building it again with a dynamic one", name)
    try:
        return TimmTrunk(create_timm(name, pretrained=pretrained, args={**args, "dynamic_img_size": True}), size=size)
    except (ConfigError, AssertionError, RuntimeError) as error:
        raise ConfigError(
            f"timm/{name} does not take images of {size[0]} x {size[1]}",
            "a network with a free input size",
            "Give the size that the run uses as args: {img_size: [height, width]}.",
        ) from error


def _try_last_stride(arch: str, trunk: TimmTrunk, *, required: bool) -> None:
    try:
        remove_last_stride(trunk, trunk.size)
    except ConfigError:
        if required:
            raise
        logger.info("%s keeps its last stride: it does not shrink by strided convolutions", arch)


def _stages(body: nn.Module) -> dict[str, str]:
    """Return the module of each stage by canonical name: stage1 is the first at a quarter of the image or coarser."""
    known = {name for name, _ in body.named_modules()}
    infos = [info for info in getattr(body, "feature_info", ()) if info["reduction"] >= STEM_REDUCTION]
    return {f"stage{i}": info["module"] for i, info in enumerate(infos, start=1) if info["module"] in known}


def _drop_unused(body: nn.Module, size: tuple[int, int]) -> Tensor:
    """Replace the children that ``forward_features`` never calls (heads) by identities, and return what it gives.

    Their parameters would get no gradient, which stops a distributed run.
    """
    called: set[int] = set()
    handles = [m.register_forward_hook(lambda module, _i, _o: called.add(id(module))) for m in body.modules()]
    was_training = body.training
    body.eval()
    with torch.no_grad():
        features: Tensor = body.forward_features(torch.zeros(1, 3, *size))  # type: ignore[operator]
    body.train(was_training)
    for handle in handles:
        handle.remove()
    for name, child in list(body.named_children()):
        if not any(id(module) in called for module in child.modules()):
            setattr(body, name, nn.Identity())
    return features


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
