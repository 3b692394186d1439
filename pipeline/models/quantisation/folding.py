"""Batch norms that become a part of the layer before them."""

import torch
from torch import Tensor, nn

from pipeline.errors import ConfigError
from pipeline.models.quantisation.calls import record_calls, replace_module

_NORMS = (nn.BatchNorm2d, nn.BatchNorm1d)
_LAYERS = (nn.Conv2d, nn.Linear)
# Of the largest output; float32 sums in another order.
_TOLERANCE = 1e-3


def folded(weight: Tensor, bias: Tensor | None, norm: nn.BatchNorm2d | nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
    """Return ``w g / sqrt(var + eps)`` and ``(b - mean) g / sqrt(var + eps) + shift`` of a norm in eval mode.

    Args:
        weight: (C, ...) of the layer before the norm.
        bias: (C,) or None.
        norm: with running statistics.

    Returns:
        Weight and bias of the one layer that does the same.
    """
    assert norm.running_mean is not None, "the norm has running statistics"
    assert norm.running_var is not None, "the norm has running statistics"
    gain = (norm.running_var + norm.eps).rsqrt() * (1.0 if norm.weight is None else norm.weight)
    shift = 0.0 if norm.bias is None else norm.bias
    start = -norm.running_mean if bias is None else bias - norm.running_mean
    return weight * gain.view(-1, *[1] * (weight.ndim - 1)), start * gain + shift


@torch.no_grad()
def fold_batch_norms(trunk: nn.Module, images: Tensor) -> int:
    """Fold every batch norm that directly follows a convolution, in place, and return how many.

    Args:
        trunk: the network; in eval mode it answers as before.
        images: a normalised batch, on which both are compared.

    Raises:
        ConfigError: the folded network answers otherwise, because something else reads a map between the two layers.
    """
    trunk.eval()
    before = trunk(images)
    calls = record_calls(trunk, images, (*_NORMS, *_LAYERS))
    layers = {gave[0]: layer for layer, gave in calls.gave.items() if isinstance(layer, _LAYERS) and len(gave) == 1}
    pairs = [
        (layers[took[0]], norm) for norm, took in calls.took.items()
        if isinstance(norm, _NORMS) and norm.running_mean is not None and len(took) == 1 and took[0] in layers
    ]  # fmt: skip
    for layer, norm in pairs:
        weight, bias = folded(layer.weight, layer.bias, norm)
        layer.weight, layer.bias = nn.Parameter(weight), nn.Parameter(bias)
        replace_module(trunk, norm, _rest_of(norm))
    after = trunk(images)
    if float((after - before).abs().max()) > _TOLERANCE * float(before.abs().max()):
        raise ConfigError(
            f"batch norms of {type(trunk).__name__} cannot be folded into its convolutions",
            "a network in which nothing else reads what a convolution gives to its norm",
            "Quantise another architecture.",
        )
    return len(pairs)


def _rest_of(norm: nn.Module) -> nn.Module:
    """Return what a norm does besides: some networks keep dropout and activation inside it."""
    rest = list(norm.children())
    return nn.Sequential(*rest) if rest else nn.Identity()
