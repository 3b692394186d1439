"""The floating-point type that losses are computed in, and directions with a tame gradient."""

import torch
from torch import Tensor

SHORTEST = 1e-6


def at_least_float32(values: Tensor) -> Tensor:
    """Return half-precision values as fp32 and leave fp32 and fp64 as they are.

    Args:
        values: any floating-point tensor.
    """
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values


def unit_vectors(vectors: Tensor) -> Tensor:
    """Return the vectors scaled to length one, at least in fp32; vectors shorter than 1e-6 become zero.

    Such a vector has no direction. It gets no gradient either: a clamped division would give it one of 1 / eps, which
    ends a run in half precision.

    Args:
        vectors: (..., D).
    """
    values = at_least_float32(vectors)
    lengths = torch.linalg.vector_norm(values, dim=-1, keepdim=True)
    return torch.where(lengths > SHORTEST, values / lengths.clamp(min=SHORTEST), torch.zeros_like(values))
