"""A temperature for each image, from how confused the student is by it."""

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.losses.distillation.logit_pairs import mean_over_images
from pipeline.losses.vectors import at_least_float32, unit_vectors


def flsw_weights(student: Tensor, teacher: Tensor, *, gamma: float = 1.0, center: bool = False) -> Tensor:
    """Return ``(1 - cos(s, t))^gamma`` of each image's logits.

    Args:
        student: (B, C) logits.
        teacher: (B, C) logits.
        gamma: power > 0.
        center: take each image's mean logit off first. The cosine sees such a constant, the softmax doesn't.

    Returns:
        (B,) in 0..2^gamma, without gradient.
    """
    rows = [at_least_float32(logits.detach()) for logits in (student, teacher)]
    ours, theirs = (unit_vectors(row - row.mean(1, keepdim=True) if center else row) for row in rows)
    # Rounding makes 1 - cos slightly negative, which has no power below 1.
    return (1.0 - (ours * theirs).sum(1)).clamp(min=0.0) ** gamma


def cwsm_weights(student: Tensor) -> Tensor:
    """Return ``1 / max_k p_k(s)``, with the student's probabilities at temperature 1.

    Args:
        student: (B, C) logits.

    Returns:
        (B,) in 1..C, without gradient.
    """
    return 1.0 / F.softmax(at_least_float32(student.detach()), dim=1).amax(1)


def normalised(weights: Tensor) -> Tensor:
    """Return weights that sum to 1; equal ones where all are 0, as when student and teacher agree.

    Args:
        weights: (B,), each >= 0.
    """
    total = weights.sum()
    return torch.where(
        total > 1e-8, weights / total.clamp(min=1e-8), torch.full_like(weights, 1 / max(len(weights), 1))
    )


def image_temperatures(weights: Tensor, *, tau0: float, beta: float, clamp: tuple[float, float]) -> Tensor:
    """Return ``tau_0 + beta (mean w - w_x)``, clamped; their mean is tau_0 before that.

    Args:
        weights: (B,).
        tau0: mean temperature.
        beta: spread; it grows with B where weights sum to 1.
        clamp: lowest and highest temperature.

    Returns:
        (B,) in the range of the clamp.
    """
    return (tau0 + beta * (mean_over_images(weights) - weights)).clamp(*clamp)
