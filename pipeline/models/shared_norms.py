"""Batch norm whose statistics do not depend on the number of processes: over all of them, or over fixed small batches.

Both work on whatever calls `torch.nn.functional.batch_norm` while their context is open, so that a network, its mean
and its file stay plain ones.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from pipeline import distributed
from pipeline.errors import ConfigError


@dataclass(frozen=True)
class NormCall:
    """The arguments of `torch.nn.functional.batch_norm`, under its names and in its order.

    Args:
        input: (B, C, ...) rows.
        running_mean: (C,), moved in place; or None.
        running_var: (C,), moved in place; or None.
        weight: (C,) or None.
        bias: (C,) or None.
        training: whether the rows' own statistics are used.
        momentum: share by which the running statistics move.
        eps: added to the variance.
    """

    input: Tensor
    running_mean: Tensor | None
    running_var: Tensor | None
    weight: Tensor | None = None
    bias: Tensor | None = None
    training: bool = False
    momentum: float = 0.1
    eps: float = 1e-5

    @torch.no_grad()
    def move(self, mean: Tensor, variance: Tensor) -> None:
        """Move the running statistics.

        Args:
            mean: (C,) of the rows.
            variance: (C,) unbiased.
        """
        if self.running_mean is not None and self.running_var is not None:
            self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
            self.running_var.lerp_(variance.to(self.running_var.dtype), self.momentum)


class BatchNormMode(TorchFunctionMode, ABC):
    """Normalises in the place of every batch norm in training mode while the context is open."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run one of torch's functions."""
        if func is F.batch_norm:
            call = NormCall(*args, **(kwargs or {}))
            if call.training:
                return self.normalise(call)
        return func(*args, **(kwargs or {}))

    @abstractmethod
    def normalise(self, call: NormCall) -> Tensor:
        """Return the normalised rows and move the running statistics."""


class SyncedBatchNorm(BatchNormMode):
    """Statistics over the rows of all processes: what one process computes with the whole batch.

    Reference:
        `torch.nn.SyncBatchNorm`, which needs CUDA. We differ: gloo is enough, and the network's modules stay.
    """

    def normalise(self, call: NormCall) -> Tensor:
        """Normalise with the statistics of all processes' rows."""
        if not distributed.is_distributed():
            return F.batch_norm(**vars(call))
        result, mean, variance, count = _Synced.apply(call.input, call.weight, call.bias, call.eps)
        call.move(mean, variance * (count / (count - 1).clamp(min=1)))
        return result


class VirtualBatchNorm(BatchNormMode):
    """Statistics over consecutive small batches of fixed size; the running ones follow the mean over these.

    Args:
        rows: images of a small batch; every process has a multiple of it of each domain.

    Reference:
        Hoffer et al. Train longer, generalize better. NeurIPS 2017 (ghost batch norm). We differ: the running
        statistics move once a forward, by the mean of all small batches, so that it does not matter who has which.
    """

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.rows = rows

    def normalise(self, call: NormCall) -> Tensor:
        """Normalise every small batch with its own statistics.

        Raises:
            ConfigError: the rows are no whole number of small batches.
        """
        if len(call.input) % self.rows:
            raise ConfigError(
                f"{len(call.input)} images of a domain on each process",
                f"a multiple of runtime.virtual_batch {self.rows}",
                "Choose another batch, virtual_batch or number of processes.",
            )
        parts, means, variances = [], [], []
        for part in call.input.split(self.rows):
            # Momentum 1 leaves this batch's own statistics in the buffers.
            mean, variance = torch.zeros(2, part.shape[1], device=part.device, dtype=_exact(part.dtype)).unbind()
            parts.append(F.batch_norm(part, mean, variance, call.weight, call.bias, True, 1.0, call.eps))
            means.append(mean)
            variances.append(variance)
        call.move(torch.stack(means).mean(0), torch.stack(variances).mean(0))
        return torch.cat(parts)


class _Synced(torch.autograd.Function):
    """Normalise by the mean and variance over all processes; one message forward and one backward."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float) -> tuple[Tensor, ...]:
        """Return normalised rows, and mean, biased variance and count over all processes."""
        values = rows.to(_exact(rows.dtype))
        own_variance, own_mean = torch.var_mean(values, _all_but_channels(rows), correction=0)
        own_count = values.new_full((1,), rows.numel() // rows.shape[1])
        told = distributed.gather_rows(torch.cat([own_mean, own_variance, own_count])[None])
        means, variances, counts = told.split([rows.shape[1], rows.shape[1], 1], dim=1)
        count = counts.sum()
        mean = (counts * means).sum(0) / count
        # Squared distances of the processes' means are added instead of subtracting squares, which would cancel.
        variance = (counts * (variances + (means - mean).square())).sum(0) / count
        scale = (variance + eps).rsqrt()
        result = (values - _wide(mean, rows)) * _wide(scale, rows)
        result = result if weight is None else result * _wide(weight, rows)
        result = result if bias is None else result + _wide(bias, rows)
        ctx.save_for_backward(rows, weight, mean, scale, count)
        ctx.has_bias = bias is not None
        ctx.mark_non_differentiable(mean, variance, count)
        return result.to(rows.dtype), mean, variance, count

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of rows, weight and bias."""
        rows, weight, mean, scale, count = ctx.saved_tensors
        gradient = gradients[0].to(_exact(rows.dtype))
        normalised = (rows.to(_exact(rows.dtype)) - _wide(mean, rows)) * _wide(scale, rows)
        dims = _all_but_channels(rows)
        own = torch.stack([gradient.sum(dims), (gradient * normalised).sum(dims)])
        share = distributed.sum_over_ranks(own) / count
        slope = scale if weight is None else scale * weight
        towards = (gradient - _wide(share[0], rows) - normalised * _wide(share[1], rows)) * _wide(slope, rows)
        return towards.to(rows.dtype), None if weight is None else own[1], own[0] if ctx.has_bias else None, None


def _exact(dtype: torch.dtype) -> torch.dtype:
    """Return the type to sum in: that of the rows, but for half precision."""
    return torch.float32 if dtype in (torch.float16, torch.bfloat16) else dtype


def _all_but_channels(rows: Tensor) -> list[int]:
    return [0, *range(2, rows.ndim)]


def _wide(values: Tensor, rows: Tensor) -> Tensor:
    """Return (C,) values as they are added to (B, C, ...) rows."""
    return values.view(1, -1, *[1] * (rows.ndim - 2))
