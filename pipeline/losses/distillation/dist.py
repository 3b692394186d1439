"""Distillation of correlations: between classes of one image, and between images of one class."""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.errors import ConfigError
from pipeline.losses.distillation.logit_pairs import paired_logits
from pipeline.losses.vectors import at_least_float32
from pipeline.types import ReIDBatch, Taps

# A row whose spread is smaller than this share of its length is constant up to rounding.
FLAT = 1e-6


def correlation_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Return the mean over rows of ``1 - r``, with r Pearson's correlation of the student's and the teacher's row.

    A row in which the teacher says one and the same has no correlation; it counts as followed. One in which only the
    student does has correlation 0, without gradient.

    Args:
        student: (n, m).
        teacher: (n, m); no gradient is sent to it.

    Returns:
        Scalar in 0..2.
    """
    ours, _ = _centred_directions(student)
    theirs, is_flat = _centred_directions(teacher.detach())
    return torch.where(is_flat, 0.0, 1.0 - (ours * theirs).sum(1)).sum() / max(len(student), 1)


def dist_loss(
    student: Tensor, teacher: Tensor, *, temperature: float = 1.0, beta: float = 1.0, gamma: float = 1.0
) -> Tensor:
    """Return ``T^2 (beta L_inter + gamma L_intra)``: correlations within rows and within columns of the probabilities.

    Args:
        student: (B, C) logits.
        teacher: (B, C) logits; no gradient is sent to them.
        temperature: T > 0.
        beta: weight of the relations between the classes of an image.
        gamma: weight of the relations between the images of a class; one image has none.

    Returns:
        Scalar >= 0, 0 where both say the same.

    Reference:
        Huang et al. Knowledge distillation from a stronger teacher. NeurIPS 2022. An implementation; that constant rows
        count as followed is ours, it shifts the value and not the gradient.
    """
    ours = F.softmax(at_least_float32(student) / temperature, dim=1)
    theirs = F.softmax(at_least_float32(teacher.detach()) / temperature, dim=1)
    inter, intra = correlation_loss(ours, theirs), correlation_loss(ours.T, theirs.T)
    return temperature**2 * (beta * inter + gamma * intra)


class DIST:
    """Objective: correlations of the student's identity probabilities follow the teacher's.

    Args:
        temperature: T > 0.
        beta: weight of the relations between the classes of an image.
        gamma: weight of the relations between the images of a class.
    """

    reads: ClassVar[tuple[str, ...]] = ("logits",)
    needs_teacher: ClassVar[bool] = True
    needs_labels: ClassVar[bool] = False

    def __init__(self, *, temperature: float = 1.0, beta: float = 1.0, gamma: float = 1.0) -> None:
        if temperature <= 0:
            raise ConfigError(f"the temperature of dist is {temperature}", "a number above 0")
        if beta < 0 or gamma < 0:
            raise ConfigError(f"dist has beta {beta} and gamma {gamma}", "numbers of 0 or above")
        self.temperature, self.beta, self.gamma = temperature, beta, gamma

    def __call__(self, student: Taps, teacher: Taps | None, batch: ReIDBatch) -> Tensor:
        """Return the loss of one batch."""
        ours, theirs = paired_logits("dist", student, teacher)
        return dist_loss(ours, theirs, temperature=self.temperature, beta=self.beta, gamma=self.gamma)


def _centred_directions(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return centred rows of length one, zero where a row is constant, and which ones are."""
    centred = rows - rows.mean(1, keepdim=True)
    lengths = torch.linalg.vector_norm(centred, dim=1, keepdim=True)
    # Relative to the row: probabilities of a class may all be tiny and still tell images apart.
    is_flat = lengths <= FLAT * torch.linalg.vector_norm(rows.detach(), dim=1, keepdim=True)
    directions = torch.where(is_flat, 0.0, centred / torch.where(is_flat, 1.0, lengths))
    return directions, is_flat[:, 0]
