"""MMD between the distances of two domains: within classes, between classes, and of the embeddings themselves."""

import logging
from typing import ClassVar, Literal

import torch
from torch import Tensor

from pipeline.errors import ConfigError
from pipeline.losses.adaptation.mmd import mmd_loss
from pipeline.losses.vectors import at_least_float32, unit_vectors
from pipeline.types import ReIDBatch, Taps

logger = logging.getLogger(__name__)
Style = Literal["scalar", "released"]
RELEASED_VARIANCES = (
    *(1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 5.0, 10.0, 15.0),
    *(20.0, 25.0, 30.0, 35.0, 100.0, 1e3, 1e4, 1e5, 1e6),
)
MAX_DISTANCES = 512


def fixed_kernel_mmd(source: Tensor, target: Tensor) -> Tensor:
    """Return the biased MMD with nineteen fixed kernels ``exp(-|x - y|^2 / (2 v))``, added.

    Args:
        source: (N, K) rows.
        target: (M, K) rows.

    Reference:
        The released code of Mekhazni et al. (ECCV 2020).
    """
    return _kernel_mean(source, source) + _kernel_mean(target, target) - 2.0 * _kernel_mean(source, target)


def dissimilarity_rows(features: Tensor) -> tuple[Tensor, Tensor]:
    """Return squared distances in rows of K, within and between identities, in the released form.

    Args:
        features: (P, K, D) embeddings of P identities with K images each.

    Returns:
        (P * K, K) with the zero diagonals inside, and (P * (P - 1) * K, K) over all ordered pairs of identities; the
        released code leaves some pairs of the first identity out.
    """
    identities, images, _ = features.shape
    flat = at_least_float32(features).flatten(0, 1)
    squared = torch.cdist(flat, flat, compute_mode="donot_use_mm_for_euclid_dist").square()
    blocks = squared.unflatten(0, (identities, images)).unflatten(2, (identities, images)).transpose(1, 2)
    same = torch.eye(identities, dtype=torch.bool, device=features.device)
    return blocks[same].flatten(0, 1), blocks[~same].flatten(0, 1)


def dissimilarity_scalars(features: Tensor, groups: Tensor) -> tuple[Tensor, Tensor]:
    """Return the Euclidean distances of L2-normalised embeddings, within and between groups, each pair once.

    Args:
        features: (B, D) embeddings.
        groups: (B,) int64; -1 takes no part.

    Returns:
        (n, 1) and (m, 1) distances in 0..2; an evenly spaced subset where there are more than ``MAX_DISTANCES``.
    """
    directions = unit_vectors(features)
    first, second = torch.triu_indices(len(groups), len(groups), offset=1, device=groups.device)
    known = (groups[first] >= 0) & (groups[second] >= 0)
    first, second = first[known], second[known]
    same = groups[first] == groups[second]
    within, between = _spread(same.nonzero().flatten()), _spread((~same).nonzero().flatten())
    # clamp before the root: the slope at two equal images is infinite.
    lengths = [
        (directions[first[pairs]] - directions[second[pairs]]).square().sum(1).clamp(min=1e-12).sqrt()[:, None]
        for pairs in (within, between)
    ]
    return lengths[0], lengths[1]


def dmmd_loss(
    source: Tensor, target: Tensor, *, source_groups: Tensor, target_groups: Tensor, style: Style = "scalar"
) -> Tensor:
    """Return ``MMD(sg d_s within, d_t within) + MMD(sg d_s between, d_t between) + MMD(F_s, F_t)``.

    The source's distances are detached: only the target's distribution moves. Its embeddings are not.

    Args:
        source: (N, D) embeddings.
        target: (M, D) embeddings.
        source_groups: (N,) int64 identities; -1 takes no part in the distances.
        target_groups: (M,) int64 tracklets of one camera each, or pseudo-labels; never the true identities.
        style: ``scalar`` compares single distances with five kernels, ``released`` rows of K distances with nineteen.

    Returns:
        Scalar, at least fp32; a part with no pair on one side adds nothing.

    Reference:
        Mekhazni et al. Unsupervised domain adaptation in the dissimilarity space for person re-identification.
        ECCV 2020. ``scalar`` is our form: normalised embeddings, no zero diagonal, kernel widths from the data.
    """
    if style == "released":
        ours, theirs = _grouped(source, source_groups), _grouped(target, target_groups)
        images = min(ours.shape[1], theirs.shape[1])
        pairs = zip(dissimilarity_rows(ours[:, :images]), dissimilarity_rows(theirs[:, :images]), strict=True)
        discrepancy = fixed_kernel_mmd
    else:
        pairs = zip(
            dissimilarity_scalars(source, source_groups), dissimilarity_scalars(target, target_groups), strict=True
        )
        discrepancy = mmd_loss
    total = discrepancy(at_least_float32(source), at_least_float32(target))
    for fixed, moving in pairs:
        if len(fixed) and len(moving):
            total = total + discrepancy(fixed.detach(), moving)
    return total


class DMMD:
    """Objective between domains: distances within and between identities get the same distribution.

    Args:
        style: ``scalar`` or ``released``.
    """

    reads: ClassVar[tuple[str, ...]] = ("embedding", "labels")
    needs_teacher: ClassVar[bool] = False
    needs_labels: ClassVar[bool] = True
    between_domains: ClassVar[bool] = True

    def __init__(self, *, style: Style = "scalar") -> None:
        if style not in ("scalar", "released"):
            raise ConfigError(f"the style of dmmd is {style!r}", "scalar or released")
        self.style: Style = style
        logger.info("dmmd variant %s", style)

    def __call__(self, source: Taps, target: Taps, source_batch: ReIDBatch, target_batch: ReIDBatch) -> Tensor:
        """Return the loss of one source batch and one target batch with pseudo-labels or tracklets as labels."""
        assert source_batch.labels is not None, "dmmd needs the source's identities"
        assert target_batch.labels is not None, "dmmd needs the target's tracklets or pseudo-labels"
        return dmmd_loss(
            source.embedding,
            target.embedding,
            source_groups=source_batch.labels,
            target_groups=target_batch.labels,
            style=self.style,
        )


def _kernel_mean(rows: Tensor, columns: Tensor) -> Tensor:
    if not len(rows) or not len(columns):
        return (rows.sum() + columns.sum()) * 0.0
    squared = torch.cdist(rows, columns, compute_mode="donot_use_mm_for_euclid_dist").square()
    return sum((torch.exp(-squared / (2.0 * v)).mean() for v in RELEASED_VARIANCES), start=squared.new_zeros(()))


def _spread(pairs: Tensor) -> Tensor:
    """Keep at most MAX_DISTANCES pairs, evenly spaced: the kernel matrices stay small and nothing is random."""
    if len(pairs) <= MAX_DISTANCES:
        return pairs
    return pairs[torch.arange(MAX_DISTANCES, device=pairs.device) * len(pairs) // MAX_DISTANCES]


def _grouped(features: Tensor, groups: Tensor) -> Tensor:
    """Stack the first K images of every group, with K the size of the smallest group, to (P, K, D)."""
    members = [features[groups == group] for group in groups[groups >= 0].unique().tolist()]
    if not members:
        return features.new_zeros(0, 0, features.shape[1])
    smallest = min(len(rows) for rows in members)
    return torch.stack([rows[:smallest] for rows in members])
