"""Contrast of embeddings with the centroids of clusters, with hard pseudo-labels or a teacher's soft ones."""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.losses.supervised.memory import resize_buffers
from pipeline.losses.vectors import at_least_float32, unit_vectors
from pipeline.types import ReIDBatch, Taps


def centroid_contrast_loss(
    embeddings: Tensor, centroids: Tensor, labels: Tensor, *, temperature: float = 0.05
) -> Tensor:
    """Return the cross-entropy of ``softmax(cos(f, c_k) / temperature)`` over labelled images.

    Args:
        embeddings: (B, D), any length.
        centroids: (K, D), any length; no gradient is sent to them.
        labels: (B,) int64 in 0..K-1; -1 (outlier) is left out.
        temperature: above 0.

    Returns:
        Scalar float32; zero, with a working backward, when no image is labelled or there is no centroid.

    Reference:
        Dai et al. Cluster contrast for unsupervised person re-identification. ACCV 2022.
    """
    if len(centroids) == 0:
        return (at_least_float32(embeddings) * 0.0).sum()
    logits = centroid_logits(embeddings, centroids, temperature=temperature)
    return F.cross_entropy(logits, labels, ignore_index=-1, reduction="sum") / (labels >= 0).sum().clamp(min=1)


def soft_centroid_contrast_loss(student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
    """Return the cross-entropy between the teacher's and the student's distributions over the centroids.

    Args:
        student_logits: (B, K) from ``centroid_logits`` with the student's centroids.
        teacher_logits: (B, K) with the teacher's centroids of the same clusters; no gradient is sent to them.

    Returns:
        Scalar float32; its minimum is the teacher's entropy, not 0.

    Reference:
        Ge, Chen, Li. Mutual mean-teaching. ICLR 2020 (soft cross-entropy over cluster classes).
    """
    targets = F.softmax(at_least_float32(teacher_logits.detach()), dim=1)
    return -(targets * F.log_softmax(at_least_float32(student_logits), dim=1)).sum(1).mean()


def centroid_logits(embeddings: Tensor, centroids: Tensor, *, temperature: float) -> Tensor:
    """Return the (B, K) cosine similarities divided by the temperature, in fp32.

    Args:
        embeddings: (B, D).
        centroids: (K, D); no gradient is sent to them.
        temperature: above 0.
    """
    directions = unit_vectors(embeddings)
    return directions @ unit_vectors(centroids.detach()).to(directions.dtype).T / temperature


class CentroidContrast(nn.Module):
    """Objective: embeddings after the BNNeck against one centroid a cluster.

    Centroids are set once a round by ``reset`` and moved only by an explicit ``update`` after the optimizer step, never
    inside backward, so gradient accumulation and checkpointing do not change the result.

    Args:
        temperature: of the softmax.
        momentum: share of a centroid that an update keeps.
        soft_weight: 0 uses hard labels only; otherwise the share of the teacher's soft distribution, at most 1.
    """

    reads: ClassVar[tuple[str, ...]] = ("bn_embedding", "labels")
    needs_teacher: ClassVar[bool] = False
    needs_labels: ClassVar[bool] = True
    centroids: Tensor
    teacher_centroids: Tensor

    def __init__(self, *, temperature: float = 0.05, momentum: float = 0.1, soft_weight: float = 0.0) -> None:
        super().__init__()
        self.temperature, self.momentum, self.soft_weight = temperature, momentum, soft_weight
        self.register_buffer("centroids", torch.empty(0, 0))
        self.register_buffer("teacher_centroids", torch.empty(0, 0))
        self.register_load_state_dict_pre_hook(resize_buffers)

    def reset(self, centroids: Tensor, teacher_centroids: Tensor | None = None) -> None:
        """Take the centroids of a new round.

        Args:
            centroids: (K, D) of the student's embeddings.
            teacher_centroids: (K, D') of the teacher's embeddings of the same clusters, for the soft part.
        """
        self.centroids = unit_vectors(centroids.detach().float())
        if teacher_centroids is not None:
            self.teacher_centroids = unit_vectors(teacher_centroids.detach().float())

    @torch.no_grad()
    def update(self, embeddings: Tensor, labels: Tensor) -> None:
        """Move the centroids of a batch's clusters towards the mean of its embeddings.

        Args:
            embeddings: (B, D).
            labels: (B,) int64 in 0..K-1; -1 is left out.
        """
        directions = unit_vectors(embeddings.detach().float())
        for label in labels[labels >= 0].unique().tolist():
            mean = directions[labels == label].mean(0)
            moved = self.momentum * self.centroids[label] + (1.0 - self.momentum) * mean
            self.centroids[label] = unit_vectors(moved)

    def forward(self, student: Taps, teacher: Taps | None, batch: ReIDBatch) -> Tensor:
        """Return the loss of one batch.

        Args:
            student: taps of the network that learns.
            teacher: read only for the soft part; may be None.
            batch: with pseudo-labels as labels.
        """
        assert batch.labels is not None, "centroid contrast needs pseudo-labels"
        vectors = student.bn_embedding
        hard = centroid_contrast_loss(vectors, self.centroids, batch.labels, temperature=self.temperature)
        if self.soft_weight == 0.0 or teacher is None or len(self.teacher_centroids) == 0:
            return hard
        soft = soft_centroid_contrast_loss(
            centroid_logits(vectors, self.centroids, temperature=self.temperature),
            centroid_logits(teacher.bn_embedding, self.teacher_centroids, temperature=self.temperature),
        )
        return (1.0 - self.soft_weight) * hard + self.soft_weight * soft
