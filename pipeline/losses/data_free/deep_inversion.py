"""DeepInversion: images that a teacher knows as a person, and whose statistics its batch norms remember."""

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.losses.vectors import unit_vectors

# Mean and variance of the images in a batch norm's input, then those that it remembers, each (C,).
Seen = tuple[Tensor, Tensor, Tensor, Tensor]
Identity = Literal["cosine", "cross_entropy"]


def statistics_loss(seen: Sequence[Seen], *, first: float = 10.0) -> Tensor:
    """Return ``sum_l w_l (||mean_l - running_mean_l|| + ||var_l - running_var_l||)``.

    Args:
        seen: one entry a batch norm, in the order of the forward pass; at least one.
        first: weight of the first norm; the others have 1.

    Returns:
        Scalar >= 0; 0 where the images' statistics are those of the training data.

    Reference:
        Yin et al. Dreaming to distill: data-free knowledge transfer via DeepInversion. CVPR 2020. A re-implementation.
    """
    gaps = [_length(mean - kept_mean) + _length(variance - kept) for mean, variance, kept_mean, kept in seen]
    return first * gaps[0] + torch.stack([gaps[0] * 0.0, *gaps[1:]]).sum()


def identity_loss(
    embedding: Tensor, logits: Tensor, prototypes: Tensor, labels: Tensor, *, kind: Identity = "cosine"
) -> Tensor:
    """Return how far images are from the persons that they should show, averaged over images.

    ``cosine`` is ``1 - cos(f, W_y)``, with the classifier's rows W as prototypes; ``cross_entropy`` is that of the
    logits.

    Args:
        embedding: (B, D) after the BNNeck.
        logits: (B, C).
        prototypes: (C, D) weights of the classifier.
        labels: (B,) int64 in 0..C-1.
        kind: ``cosine`` or ``cross_entropy``.

    Reference:
        Cross-entropy as in Yin et al. (see `statistics_loss`). The cosine is ours: retrieval compares directions.
    """
    if kind == "cross_entropy":
        return F.cross_entropy(logits, labels)
    return (1.0 - (unit_vectors(embedding) * unit_vectors(prototypes[labels])).sum(1)).mean()


def total_variation(images: Tensor) -> Tensor:
    """Return the lengths of the differences to the right, lower, lower-right and lower-left neighbour, averaged.

    Args:
        images: (B, C, H, W), at least 2 pixels high and wide.

    Returns:
        Scalar: the sum over the four directions, the mean over images.

    Reference:
        Yin et al. (see `statistics_loss`). We differ: the length is taken image by image, so that the term does not
        grow with the batch.
    """
    differences = (
        images[:, :, :, 1:] - images[:, :, :, :-1],
        images[:, :, 1:, :] - images[:, :, :-1, :],
        images[:, :, 1:, 1:] - images[:, :, :-1, :-1],
        images[:, :, 1:, :-1] - images[:, :, :-1, 1:],
    )
    return torch.stack([_length(rows.flatten(1)).mean() for rows in differences]).sum()


def image_length(images: Tensor) -> Tensor:
    """Return the mean Euclidean length of normalised images, which pulls them to the middle of the colours.

    Args:
        images: (B, C, H, W), normalised.
    """
    return _length(images.flatten(1)).mean()


def _length(rows: Tensor) -> Tensor:
    return torch.linalg.vector_norm(rows, dim=-1)
