"""Maximum mean discrepancy between two domains with a family of five Gaussian kernels."""

import logging
from typing import ClassVar

import torch
from torch import Tensor

from pipeline.losses.adaptation.schedules import reversal_strength
from pipeline.losses.vectors import at_least_float32
from pipeline.types import ReIDBatch, Taps

logger = logging.getLogger(__name__)
VARIANT = "five_kernel_biased"


def mmd_loss(source: Tensor, target: Tensor, *, kernels: int = 5) -> Tensor:
    """Return ``mean K_ss + mean K_tt - mean K_st - mean K_ts`` with K a sum of Gaussians of doubling width.

    ``K = sum_k exp(-D / (w 2^k))`` on squared distances D; w is the mean distance between different rows, divided by
    2^(kernels // 2) and taken as a constant. Biased: the diagonals are included, so the value is not negative.

    Args:
        source: (N, D) embeddings.
        target: (M, D) embeddings; N and M may differ.
        kernels: number of widths.

    Returns:
        Scalar float32; values of other variants of MMD are not comparable with it. 0 where a domain has no row.

    Reference:
        Long et al. Learning transferable features with deep adaptation networks. ICML 2015.
        The widths are those of Nguyen-Meidine et al. (IJCNN 2020), which adds the kernels and does not average them.
    """
    rows = at_least_float32(torch.cat([source, target]))
    if len(source) == 0 or len(target) == 0:
        return rows.sum() * 0.0
    distances = torch.cdist(rows, rows, compute_mode="donot_use_mm_for_euclid_dist").square()
    count = len(rows)
    width = distances.detach().sum() / (count * count - count) / 2 ** (kernels // 2)
    # Identical rows only: any width gives the same kernel, 0 would give 0 / 0.
    width = width.clamp(min=1e-12)
    kernel = sum(torch.exp(-distances / (width * 2**k)) for k in range(kernels))
    assert isinstance(kernel, Tensor)
    n = len(source)
    return kernel[:n, :n].mean() + kernel[n:, n:].mean() - kernel[:n, n:].mean() - kernel[n:, :n].mean()


class MMD:
    """Objective between domains: the student's source and target embeddings get the same distribution.

    Args:
        kernels: number of Gaussian widths.
        ramp: multiply by 2 / (1 + exp(-10 p)) - 1 with p the share of all steps done, as the joint method does.
    """

    reads: ClassVar[tuple[str, ...]] = ("embedding",)
    needs_teacher: ClassVar[bool] = False
    needs_labels: ClassVar[bool] = False
    between_domains: ClassVar[bool] = True

    def __init__(self, *, kernels: int = 5, ramp: bool = False) -> None:
        self.kernels, self.ramp, self.progress = kernels, ramp, 0.0
        logger.info("mmd variant %s with %d kernels", VARIANT, kernels)

    def set_progress(self, progress: float) -> None:
        """Set the share of all training steps that are done, 0..1."""
        self.progress = float(progress)

    def __call__(self, source: Taps, target: Taps, source_batch: ReIDBatch, target_batch: ReIDBatch) -> Tensor:
        """Return the loss of one source and one target batch; labels are not read."""
        strength = reversal_strength(self.progress) if self.ramp else 1.0
        return strength * mmd_loss(source.embedding, target.embedding, kernels=self.kernels)
