"""Cross-entropy over identities, with label smoothing."""

from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from pipeline.losses.vectors import at_least_float32
from pipeline.types import ReIDBatch, Taps


def cross_entropy_loss(logits: Tensor, labels: Tensor, *, smoothing: float = 0.0) -> Tensor:
    """Return the mean of ``-sum_k q_k log p_k`` over labelled images, computed in fp32.

    The target q puts 1 - smoothing on the label and spreads smoothing evenly over all classes.

    Args:
        logits: (B, C).
        labels: (B,) int64 in 0..C-1; -1 is left out.
        smoothing: 0..1.

    Returns:
        Scalar; zero, with a working backward, when no image is labelled.

    Reference:
        Szegedy et al. Rethinking the Inception architecture for computer vision. CVPR 2016.
    """
    scores = at_least_float32(logits)
    total = F.cross_entropy(scores, labels, ignore_index=-1, label_smoothing=smoothing, reduction="sum")
    # Sum first: the library's mean over no image at all is not a number.
    return total / (labels >= 0).sum().clamp(min=1)


class CrossEntropy:
    """Objective: cross-entropy between the student's logits and the labels.

    Args:
        smoothing: share of the target that is spread over all classes.
    """

    reads: ClassVar[tuple[str, ...]] = ("logits", "labels")
    needs_teacher: ClassVar[bool] = False
    needs_labels: ClassVar[bool] = True
    needs_identities: ClassVar[bool] = True

    def __init__(self, *, smoothing: float = 0.1) -> None:
        self.smoothing = smoothing

    def __call__(self, student: Taps, teacher: Taps | None, batch: ReIDBatch) -> Tensor:
        """Return the loss of one batch; the teacher is not read."""
        assert student.logits is not None, "cross entropy needs logits"
        assert batch.labels is not None, "cross entropy needs labels"
        return cross_entropy_loss(student.logits, batch.labels, smoothing=self.smoothing)
