"""Contrast with camera-aware proxies: one proxy for each cluster in each camera."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from pipeline.losses.supervised.memory import resize_buffers
from pipeline.losses.vectors import at_least_float32, unit_vectors
from pipeline.types import ReIDBatch, Taps


def intra_camera_loss(scores: Tensor, own: Tensor, same_camera: Tensor) -> Tensor:
    """Return ``-log softmax`` of an image's own proxy among the proxies of its camera.

    Args:
        scores: (B, M) cosine similarities divided by the temperature.
        own: (B, M) bool, the proxy of the image's cluster in its camera.
        same_camera: (B, M) bool, proxies of its camera.

    Returns:
        Scalar mean over images that have an own proxy; zero, with a working backward, when none has.
    """
    valid = own.any(1)
    # Rows without an own proxy are given all columns, so that no logarithm of an empty sum is differentiated.
    among = torch.where((same_camera & valid[:, None]) | ~valid[:, None], scores, -torch.inf)
    terms = torch.logsumexp(among, 1) - torch.where(own, scores, 0.0).sum(1)
    return torch.where(valid, terms, 0.0).sum() / valid.sum().clamp(min=1)


def inter_camera_loss(scores: Tensor, positives: Tensor, negatives: Tensor, *, hard_negatives: int) -> Tensor:
    """Return the mean ``-log`` probability of the positives against themselves and the hardest negatives.

    Args:
        scores: (B, M) cosine similarities divided by the temperature.
        positives: (B, M) bool, proxies of the same cluster in other cameras.
        negatives: (B, M) bool, proxies of other clusters.
        hard_negatives: number of the most similar negatives that are kept.

    Returns:
        Scalar mean over images that have a positive; zero, with a working backward, when none has.
    """
    valid = positives.any(1)
    opposed = torch.where(negatives, scores, -torch.inf)
    hardest = opposed.topk(min(hard_negatives, scores.shape[1]), dim=1).values
    among = torch.cat([torch.where(positives | ~valid[:, None], scores, -torch.inf), hardest], dim=1)
    mean_positive = torch.where(positives, scores, 0.0).sum(1) / positives.sum(1).clamp(min=1)
    terms = torch.logsumexp(among, 1) - mean_positive
    return torch.where(valid, terms, 0.0).sum() / valid.sum().clamp(min=1)


def proxy_contrast_loss(
    embeddings: Tensor,
    proxies: Tensor,
    *,
    labels: Tensor,
    cameras: Tensor,
    proxy_labels: Tensor,
    proxy_cameras: Tensor,
    temperature: float = 0.07,
    inter_weight: float = 0.5,
    hard_negatives: int = 50,
) -> Tensor:
    """Return ``L_intra + inter_weight * L_inter``.

    Args:
        embeddings: (B, D), any length.
        proxies: (M, D), any length; no gradient is sent to them.
        labels: (B,) int64 pseudo-labels; -1 is left out.
        cameras: (B,) int64; -1 (unknown) is left out.
        proxy_labels: (M,) int64 cluster of each proxy.
        proxy_cameras: (M,) int64 camera of each proxy.
        temperature: above 0.
        inter_weight: weight of the part across cameras.
        hard_negatives: number of most similar negative proxies.

    Returns:
        Scalar, at least fp32.

    Reference:
        Wang et al. Camera-aware proxies for unsupervised person re-identification. AAAI 2021. Positives across cameras
        leave the proxy of the image's own camera out, as in the paper's text.
    """
    vectors = at_least_float32(embeddings)
    if len(proxies) == 0:
        return (vectors * 0.0).sum()
    directions = unit_vectors(proxies.detach()).to(vectors.dtype)
    scores = unit_vectors(vectors) @ directions.T / temperature
    known = ((labels >= 0) & (cameras >= 0))[:, None]
    same_label = labels[:, None] == proxy_labels[None, :]
    same_camera = cameras[:, None] == proxy_cameras[None, :]
    intra = intra_camera_loss(scores, known & same_label & same_camera, same_camera)
    positives, negatives = known & same_label & ~same_camera, known & ~same_label
    inter = inter_camera_loss(scores, positives, negatives, hard_negatives=hard_negatives)
    return intra + inter_weight * inter


class ProxyContrast(nn.Module):
    """Objective: embeddings after the BNNeck against camera-aware proxies.

    Proxies are set once a round by ``reset`` and moved only by an explicit ``update`` after the optimizer step.

    Args:
        temperature: of the softmax.
        momentum: share of a proxy that an update keeps.
        inter_weight: weight of the part across cameras.
        hard_negatives: number of most similar negative proxies.
    """

    reads: ClassVar[tuple[str, ...]] = ("bn_embedding", "labels")
    needs_teacher: ClassVar[bool] = False
    needs_labels: ClassVar[bool] = True
    proxies: Tensor
    proxy_labels: Tensor
    proxy_cameras: Tensor

    def __init__(
        self,
        *,
        temperature: float = 0.07,
        momentum: float = 0.2,
        inter_weight: float = 0.5,
        hard_negatives: int = 50,
    ) -> None:
        super().__init__()
        self.temperature, self.momentum = temperature, momentum
        self.inter_weight, self.hard_negatives = inter_weight, hard_negatives
        self.register_buffer("proxies", torch.empty(0, 0))
        self.register_buffer("proxy_labels", torch.empty(0, dtype=torch.int64))
        self.register_buffer("proxy_cameras", torch.empty(0, dtype=torch.int64))
        self.register_load_state_dict_pre_hook(resize_buffers)

    def reset(self, embeddings: Tensor, labels: Tensor, cameras: Tensor) -> None:
        """Build the proxies of a new round: the mean direction of each cluster in each camera.

        Args:
            embeddings: (N, D) of the whole data set.
            labels: (N,) int64 pseudo-labels; -1 is left out.
            cameras: (N,) int64; -1 is left out.
        """
        known = (labels >= 0) & (cameras >= 0)
        keys, members = torch.stack([labels[known], cameras[known]], 1).unique(dim=0, return_inverse=True)
        directions = unit_vectors(embeddings[known].detach().float())
        sums = directions.new_zeros(len(keys), directions.shape[1]).index_add_(0, members, directions)
        self.proxies = unit_vectors(sums)
        self.proxy_labels, self.proxy_cameras = keys[:, 0].contiguous(), keys[:, 1].contiguous()

    @torch.no_grad()
    def update(self, embeddings: Tensor, labels: Tensor, cameras: Tensor) -> None:
        """Move the proxies of a batch towards the mean of its embeddings.

        Args:
            embeddings: (B, D).
            labels: (B,) int64; -1 is left out.
            cameras: (B,) int64; -1 is left out.
        """
        directions = unit_vectors(embeddings.detach().float())
        own = (labels[:, None] == self.proxy_labels[None, :]) & (cameras[:, None] == self.proxy_cameras[None, :])
        for proxy in own.any(0).nonzero().flatten().tolist():
            moved = self.momentum * self.proxies[proxy] + (1.0 - self.momentum) * directions[own[:, proxy]].mean(0)
            self.proxies[proxy] = unit_vectors(moved)

    def forward(self, student: Taps, teacher: Taps | None, batch: ReIDBatch) -> Tensor:
        """Return the loss of one batch.

        Args:
            student: taps of the network that learns.
            teacher: not read.
            batch: with pseudo-labels as labels, and cameras.
        """
        assert batch.labels is not None, "proxy contrast needs pseudo-labels"
        return proxy_contrast_loss(
            student.bn_embedding,
            self.proxies,
            labels=batch.labels,
            cameras=batch.cameras,
            proxy_labels=self.proxy_labels,
            proxy_cameras=self.proxy_cameras,
            temperature=self.temperature,
            inter_weight=self.inter_weight,
            hard_negatives=self.hard_negatives,
        )
