"""Attention transfer: the student looks at the places that the teacher looks at."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from pipeline.errors import ConfigError
from pipeline.losses.distillation.maps import check_layers, matched_sizes, paired_maps
from pipeline.losses.vectors import SHORTEST, at_least_float32, unit_vectors
from pipeline.types import ReIDBatch, Taps


def attention(maps: Tensor, *, power: float = 2.0) -> Tensor:
    """Return ``mean_c |A_c|^p`` over all places, as a vector of length one for each image.

    Args:
        maps: (B, C, h, w).
        power: p, at least 1.

    Returns:
        (B, h * w), at least fp32; 0, without a gradient, for a map that is nowhere above 1e-6.
    """
    values = at_least_float32(maps)
    if not values.numel():
        return values.flatten(1)
    # The direction does not depend on the scale, and powers of small or large numbers leave the range of fp32.
    peak = values.detach().abs().amax((1, 2, 3), keepdim=True)
    values = torch.where(peak > SHORTEST, values / peak.clamp(min=SHORTEST), torch.zeros_like(values))
    return unit_vectors(values.abs().pow(power).mean(1).flatten(1))


def attention_transfer_loss(student: Tensor, teacher: Tensor, *, power: float = 2.0) -> Tensor:
    """Return the squared difference of the two attention vectors, averaged over images and places.

    Args:
        student: (B, C, h, w).
        teacher: (B, C', h', w') of any channels and any size; the larger map is pooled to the smaller; no gradient is
            sent to it.
        power: exponent of the activations.

    Returns:
        Scalar >= 0; 0 where both attend alike.

    Reference:
        Zagoruyko, Komodakis. Paying more attention to attention. ICLR 2017. An implementation of the authors' code; the
        paper writes the norm of the difference, not squared, which is larger by orders of magnitude.
    """
    ours, theirs = matched_sizes(student, teacher.detach())
    squares = (attention(ours, power=power) - attention(theirs, power=power)).square()
    return squares.mean() if squares.numel() else squares.sum()


class AttentionTransfer:
    """Objective: `attention_transfer_loss`, summed over maps; it has nothing to learn, whatever the channels.

    Values are small: the authors weight the sum by 1000 / 2 and more.

    Args:
        layers: maps to match; which ones are taken by default is our choice.
        power: exponent of the activations, at least 1.
    """

    needs_teacher: ClassVar[bool] = True
    needs_labels: ClassVar[bool] = False
    # Of the default; `layers` decides.
    reads: tuple[str, ...] = ("maps:stage1", "maps:stage2", "maps:stage3")

    def __init__(self, *, layers: Sequence[str] = ("stage1", "stage2", "stage3"), power: float = 2.0) -> None:
        if power < 1:
            raise ConfigError(f"the power of attention_transfer is {power}", "1 or above; the paper takes 2")
        self.layers, self.power = check_layers("attention_transfer", layers), power
        self.reads = tuple(f"maps:{layer}" for layer in self.layers)

    def __call__(self, student: Taps, teacher: Taps | None, batch: ReIDBatch) -> Tensor:
        """Return the loss of one batch."""
        assert teacher is not None, "attention_transfer needs a teacher"
        pairs = (paired_maps(student, teacher, layer) for layer in self.layers)
        return torch.stack([attention_transfer_loss(*pair, power=self.power) for pair in pairs]).sum()
