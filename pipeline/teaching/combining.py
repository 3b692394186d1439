"""How several teachers become one: by chance step after step, or with weights by how much they agree."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def member_of_step(step: int, members: int, *, seed: int) -> int:
    """Return which teacher speaks in a step, all with equal chances, as a function of step and seed alone.

    Args:
        step: 0-based.
        members: their number.
        seed: of the stage.

    Returns:
        0..members - 1.

    Reference:
        Fukuda et al. Efficient knowledge distillation from an ensemble of teachers. Interspeech 2017: one teacher drawn
        at random for each batch. The expected gradient is the mean of the teachers' gradients. Re-implementation.
    """
    return int(np.random.default_rng((seed, step)).integers(members))


def disagreement(logits: Tensor, labels: Tensor | None) -> Tensor:
    """Return the cross-entropy with the label, and KL(mean of the others || this teacher) where there is no label.

    Args:
        logits: (M, B, C) of M >= 2 teachers.
        labels: (B,) int64, -1 = unknown; None where no image has one.

    Returns:
        (M, B), >= 0.
    """
    said = F.log_softmax(logits, dim=2)
    answers = said.exp()
    others = (answers.sum(0, keepdim=True) - answers).clamp(min=0.0) / (len(logits) - 1)
    from_others = (torch.special.xlogy(others, others) - others * said).sum(2).clamp(min=0.0)
    if labels is None:
        return from_others
    wanted = labels.clamp(min=0)[None, :, None].expand(len(logits), -1, 1)
    return torch.where(labels >= 0, -said.gather(2, wanted)[:, :, 0], from_others)


def agreement_weights(logits: Sequence[Tensor], labels: Tensor | None = None) -> Tensor:
    """Return for each image ``w_k = (1 - exp(L_k) / sum_j exp(L_j)) / (M - 1)``, L the `disagreement` of teacher k.

    Args:
        logits: of each of M >= 2 teachers, (B, C).
        labels: true ones, (B,) int64, -1 = unknown; None where no image has one.

    Returns:
        (M, B) in 0..1 / (M - 1), at least fp32; the sum over the teachers is 1.

    Reference:
        Zhang, Chen, Wang. Confidence-aware multi-teacher knowledge distillation. ICASSP 2022: the weights on labelled
        images, without its term on features. Re-implementation; what stands in for a label that nobody has is ours. Two
        teachers without a label weigh about the same.
    """
    stacked = torch.stack([values.float() if values.dtype != torch.float64 else values for values in logits])
    return (1.0 - torch.softmax(disagreement(stacked, labels), dim=0)) / (len(stacked) - 1)
