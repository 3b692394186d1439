"""Exponential moving average of a network: the mean teacher."""

import copy

import torch
from torch import nn


def updated_decay(decay: float, step: int) -> float:
    """Return min(decay, (1 + step) / (10 + step)): early averages forget their random start quickly."""
    return min(decay, (1 + step) / (10 + step))


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, decay: float) -> None:
    """Move `average` towards `model`: a := decay a + (1 - decay) m, for parameters and buffers.

    Args:
        average: the mean network, changed in place.
        model: the network that learns; same structure.
        decay: in 0..1; 0 copies.

    Reference:
        Tarvainen and Valpola, NeurIPS 2017. We differ: BatchNorm buffers are averaged too, so the mean network
        can run in eval mode; integer buffers are copied.
    """
    floats_average, floats_model = [], []
    for target, value in zip(average.state_dict().values(), model.state_dict().values(), strict=True):
        if target.is_floating_point():
            floats_average.append(target)
            floats_model.append(value.to(target.dtype))
        else:
            target.copy_(value)
    torch._foreach_lerp_(floats_average, floats_model, 1.0 - decay)


def make_average(model: nn.Module) -> nn.Module:
    """Return a copy that takes no gradient and starts at the model's weights."""
    average = copy.deepcopy(model)
    average.eval()
    return average.requires_grad_(False)
