"""What batch norms remember of the images that a network learned from, beside what they see of others."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn


class NormStatistics(NamedTuple):
    """Statistics of one batch norm's input, of the images that run through and as it remembers them.

    Args:
        mean: (C,) of these images, with their gradient.
        variance: (C,) biased.
        running_mean: (C,) remembered.
        running_variance: (C,) remembered.
    """

    mean: Tensor
    variance: Tensor
    running_mean: Tensor
    running_variance: Tensor


def remembering_norms(model: nn.Module) -> list[nn.Module]:
    """Return the batch norms with running statistics; instance norms remember nothing and are left out.

    Args:
        model: any network. The batch half of an IBN layer is one of them.
    """
    return [
        module
        for module in model.modules()
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) and module.running_mean is not None
    ]


@contextmanager
def statistics_seen(model: nn.Module) -> Iterator[list[NormStatistics]]:
    """Gather the statistics of every forward while the context is open, in the order of the forward pass.

    Args:
        model: network in eval mode, so that what it remembers stays.
    """
    seen: list[NormStatistics] = []

    def look(norm: Any, arguments: tuple[Tensor, ...]) -> None:
        variance, mean = channel_statistics(arguments[0])
        seen.append(NormStatistics(mean, variance, norm.running_mean, norm.running_var))

    handles = [norm.register_forward_pre_hook(look) for norm in remembering_norms(model)]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def channel_statistics(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return the biased variance and the mean of each channel, both (C,) and in fp32 at least.

    Args:
        values: (B, C, ...), at least one row.
    """
    exact = values.float() if values.dtype in (torch.float16, torch.bfloat16) else values
    return torch.var_mean(exact, [0, *range(2, values.ndim)], correction=0)
