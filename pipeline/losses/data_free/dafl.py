"""DAFL: what a generator's images have to make a teacher say, so that they can stand for its training data."""

import math

import torch.nn.functional as F
from torch import Tensor


def one_hot_loss(logits: Tensor) -> Tensor:
    """Return the cross-entropy of the teacher with its own first choice: an image should show somebody clearly.

    Args:
        logits: (B, C) of the teacher.

    Reference:
        Chen et al. Data-free learning of student networks. ICCV 2019. A re-implementation.
    """
    return F.cross_entropy(logits, logits.detach().argmax(1))


def information_entropy_loss(logits: Tensor) -> Tensor:
    """Return ``sum_c p_c log10 p_c`` with p the mean probability over the batch: everybody should be shown as often.

    Args:
        logits: (B, C) of the teacher.

    Returns:
        Scalar between -log10 C, where all persons are equally frequent, and 0.

    Reference:
        Chen et al. (see `one_hot_loss`). A re-implementation, the decimal logarithm included.
    """
    shares = F.softmax(logits, dim=1).mean(0)
    return (shares * shares.clamp(min=1e-12).log()).sum() / math.log(10.0)


def activation_loss(embedding: Tensor) -> Tensor:
    """Return ``-mean |f|``: images that a network was made for move it more than others.

    Args:
        embedding: (B, D) of the teacher, before the BNNeck.

    Reference:
        Chen et al. (see `one_hot_loss`). A re-implementation.
    """
    return -embedding.abs().mean()
