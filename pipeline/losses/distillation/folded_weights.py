"""A network's weights as comparable numbers: batch norms folded in, brought to unit scale, a sample of each layer."""

from collections.abc import Sequence
from functools import lru_cache
from math import prod

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm

from pipeline.losses.vectors import at_least_float32

# Weights of one stage that take part; sorting millions of them would cost more than a training step.
LARGEST_SAMPLE = 65536


def folded_weights(modules: Sequence[nn.Module]) -> list[Tensor]:
    """Return the weights of convolutions and linear layers as the network uses them, times the root of their fan-in.

    ``W' = W g / sqrt(var + eps) * sqrt(fan_in)`` where a batch norm of scale g follows. Before such a norm the scale of
    a weight is arbitrary. A convolution that an instance norm follows is left out: what undoes its scale is known for
    each image only. So are biases.

    Args:
        modules: those with weights, in the order in which they are used; a norm of as many channels right behind a
            layer counts as following it.

    Returns:
        One tensor a layer, (outputs, inputs, ...), differentiable.
    """
    found: list[Tensor] = []
    for layer, following in zip(modules, [*modules[1:], None], strict=False):
        if not isinstance(layer, nn.Conv2d | nn.Linear) or isinstance(following, _InstanceNorm):
            continue
        weight = at_least_float32(layer.weight)
        weight = weight * float(prod(weight.shape[1:])) ** 0.5
        if isinstance(following, _BatchNorm) and following.num_features == len(weight):
            weight = weight * _scale(following).view(-1, *[1] * (weight.ndim - 1))
        found.append(weight)
    return found


def sampled(weights: Sequence[Tensor], *, largest: int = LARGEST_SAMPLE) -> list[Tensor]:
    """Return at most `largest` weights, as many of each layer as it has or as its share is, always the same ones.

    Args:
        weights: one tensor a layer.
        largest: weights of all layers together.

    Returns:
        One vector a layer.
    """
    share = max(largest // max(len(weights), 1), 1)
    return [_drawn(weight.flatten(), share) for weight in weights]


def _drawn(values: Tensor, count: int) -> Tensor:
    return values if len(values) <= count else values[_places(len(values), count).to(values.device)]


@lru_cache(maxsize=512)
def _places(size: int, count: int) -> Tensor:
    # A fixed step would take the same place of every kernel, so the places are drawn, by a generator of their own.
    return torch.randperm(size, generator=torch.Generator().manual_seed(0))[:count].clone()


def _scale(norm: _BatchNorm) -> Tensor:
    assert norm.running_var is not None, "a batch norm without statistics cannot be folded"
    deviation = (at_least_float32(norm.running_var) + norm.eps).sqrt()
    return (1.0 if norm.weight is None else at_least_float32(norm.weight)) / deviation
