"""Rounding to a grid whose step is learned."""

from typing import Any

import torch
from torch import Tensor

# What a first step may be, as shares of the one that cuts nothing off; ours.
_SHARES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3)
# Least step as a share of the tensor's largest; a dead channel's would make its bias overflow 32 bits.
_LEAST = 1e-3


def lsq_quantise(values: Tensor, step: Tensor, *, lower: int, upper: int) -> Tensor:
    """Return ``round(clip(v / s, lower, upper)) * s``, with a gradient for the values and for the step.

    The gradient passes to values inside the range. That of the step is ``round(v / s) - v / s`` inside, `lower` below
    and `upper` above, times ``1 / sqrt(N upper)``, with N values to a step.

    Args:
        values: any shape.
        step: s > 0; a scalar, or a shape that spreads over that of the values.
        lower: least integer, at most 0.
        upper: largest integer, at least 1.

    Returns:
        Of the shape of the values, float32 or wider.

    Reference:
        Esser et al. Learned step size quantization. ICLR 2020. An implementation.
    """
    wide = values if values.dtype == torch.float64 else values.float()
    quantised: Tensor = _LSQ.apply(wide, step, lower, upper)
    return quantised


def lsq_start(values: Tensor, *, upper: int) -> Tensor:
    """Return the paper's first step of each row, ``2 mean|v| / sqrt(upper)``.

    Args:
        values: (R, N).
        upper: largest integer.

    Returns:
        (R,).

    Reference:
        Esser et al. Learned step size quantization. ICLR 2020.
    """
    return 2.0 * values.abs().mean(1) / upper**0.5


def best_start(values: Tensor, *, lower: int, upper: int) -> Tensor:
    """Return the first step of each row that errs least, among the paper's and shares of the one that cuts nothing off.

    With eight bits the paper's own start leaves most of the grid unused, and a short training does not repair that.

    Args:
        values: (R, N).
        lower: least integer.
        upper: largest integer.

    Returns:
        (R,) above 0.
    """
    covering = values.amax(1).clamp(min=0) / upper
    if lower < 0:
        covering = torch.maximum(covering, values.amin(1).clamp(max=0) / lower)
    candidates = [lsq_start(values, upper=upper), *(share * covering for share in _SHARES)]
    largest = float(covering.max()) if covering.numel() else 0.0
    floor = _LEAST * largest if largest > 0 else 1.0
    best, least = covering.clamp(min=floor), torch.full_like(covering, float("inf"))
    for candidate in candidates:
        step = candidate.clamp(min=floor)
        grid = (values / step[:, None]).clamp(lower, upper).round() * step[:, None]
        error = (grid - values).square().sum(1)
        best, least = torch.where(error < least, step, best), torch.minimum(error, least)
    return best


class _LSQ(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, step: Tensor, lower: int, upper: int) -> Tensor:
        ctx.save_for_backward(values, step)
        ctx.bounds = lower, upper
        return (values / step).clamp(lower, upper).round() * step

    @staticmethod
    def backward(ctx: Any, *upstream: Any) -> tuple[Tensor, Tensor, None, None]:
        values, step = ctx.saved_tensors
        (gradient,), (lower, upper) = upstream, ctx.bounds
        ratio = values / step
        inside = (ratio >= lower) & (ratio <= upper)
        slope = torch.where(inside, ratio.round() - ratio, ratio.clamp(lower, upper))
        scale = (values.numel() / max(step.numel(), 1) * upper) ** -0.5 if values.numel() else 0.0
        of_step = (gradient * slope).sum_to_size(step.shape) * scale
        return gradient * inside, of_step, None, None
