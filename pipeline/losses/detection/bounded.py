"""Box regression that a teacher bounds: the student is pushed only while it is not better than the teacher."""

import torch
from torch import Tensor

from pipeline.losses.vectors import at_least_float32


def bounded_errors(student: Tensor, teacher: Tensor, truth: Tensor, *, margin: float) -> Tensor:
    """Return ``e_s`` for each row where ``e_s + m > e_t``, else 0, with ``e = |R - y|^2``.

    The penalty stays on until the student's squared error is at least m below the teacher's.

    Args:
        student: (R, K) regressed values.
        teacher: (R, K) the teacher's; no gradient is sent to them.
        truth: (R, K) what both should say.
        margin: m >= 0, in squared units of the values.

    Returns:
        (R,) >= 0.

    Reference:
        Chen, Choi, Yu, Han, Chandraker. Learning efficient object detection models with knowledge distillation. NIPS
        2017.
    """
    ours = (at_least_float32(student) - truth).square().sum(1)
    theirs = (at_least_float32(teacher.detach()) - truth).square().sum(1)
    return torch.where(ours + margin > theirs, ours, torch.zeros_like(ours))


def bounded_regression_loss(
    student: Tensor, teacher: Tensor, truth: Tensor, *, weights: Tensor, margin: float = 0.2
) -> Tensor:
    """Return the weighted mean of `bounded_errors`.

    Args:
        student: (R, K) regressed values.
        teacher: (R, K) the teacher's; no gradient is sent to them.
        truth: (R, K) what both should say; a teacher as its own truth makes this its plain squared distance.
        weights: (R,) >= 0; rows of background have 0.
        margin: m >= 0, in squared units of the values.

    Returns:
        Scalar >= 0, divided by the sum of the weights or 1, whichever is larger.

    Reference:
        As for `bounded_errors`; the weights, for boxes that a teacher gave, are ours.
    """
    errors = bounded_errors(student, teacher, truth, margin=margin)
    return (weights * errors).sum() / weights.sum().clamp(min=1)
