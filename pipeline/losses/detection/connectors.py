"""Trainable adapters from a student's channels to a teacher's; they learn with the student and are thrown away."""

import torch
from torch import nn


def _start(weight: torch.Tensor) -> None:
    # Orthogonal keeps lengths and angles up to the rank; equal widths start as if nothing stood between.
    rows, columns = weight.shape[:2]
    if rows == columns:
        with torch.no_grad():
            weight.copy_(torch.eye(rows).reshape(weight.shape))
    else:
        nn.init.orthogonal_(weight)


def conv_transform(student_width: int, teacher_width: int) -> nn.Conv2d:
    """Return a 1x1 convolution, which starts as the identity for equal widths and orthogonal else.

    Args:
        student_width: channels that come in.
        teacher_width: channels that go out.
    """
    layer = nn.Conv2d(student_width, teacher_width, 1, bias=False)
    _start(layer.weight)
    return layer


def conv_connector(student_width: int, teacher_width: int) -> nn.Module:
    """Return a 1x1 convolution from one width to the other, or nothing to learn where they are equal.

    Args:
        student_width: channels that come in.
        teacher_width: channels that go out.
    """
    return nn.Identity() if student_width == teacher_width else conv_transform(student_width, teacher_width)


def linear_connector(student_width: int, teacher_width: int) -> nn.Module:
    """Return a linear map from one width to the other, or nothing to learn where they are equal.

    Args:
        student_width: columns that come in.
        teacher_width: columns that go out.
    """
    if student_width == teacher_width:
        return nn.Identity()
    layer = nn.Linear(student_width, teacher_width, bias=False)
    _start(layer.weight)
    return layer
