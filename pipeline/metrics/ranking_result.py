"""What a ranking evaluation found, together with the rules that the numbers follow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.errors import DataError
from pipeline.metrics.average_precision import average_precision
from pipeline.metrics.positives import GalleryGroups

AP_SENTENCES: Mapping[str, str] = {
    "step": "AP is the mean over the positives of the precision at each hit (step form)",
    "trapezoid": "AP is the mean over the positives of the mean precision just before and at each hit (trapezoid form)",
}


@dataclass(frozen=True)
class RankingResult:
    """CMC, mAP and mINP over the ranked queries, with everything per query.

    Args:
        mAP: mean AP over the ranked queries, in [0, 1].
        cmc: share of ranked queries with a hit among the first k kept rows, by k.
        mINP: mean over ranked queries of positives / rank of the last positive.
        ap: (Q,) float64; not a number where the query was skipped.
        first_rank: (Q,) float64 rank from 1 of the first hit; infinite = not found, not a number = skipped.
        inp: (Q,) float64; not a number where the query was skipped.
        valid: (Q,) bool, whether the query was ranked.
        skip_reasons: number of skipped queries by reason.
        semantics: one sentence a rule: junk, skipped, cameras, ap, ties, tie_spread, metric.
        tie_spread: mAP under the worst and the best order of equal distances, or None where it was not measured.
    """

    mAP: float  # noqa: N815 (the field's name for it)
    cmc: Mapping[int, float]
    mINP: float  # noqa: N815 (the field's name for it)
    ap: np.ndarray
    first_rank: np.ndarray
    inp: np.ndarray
    valid: np.ndarray
    skip_reasons: Mapping[str, int]
    semantics: Mapping[str, str]
    tie_spread: tuple[float, float] | None = None

    @property
    def num_queries(self) -> int:
        """Return the number of queries, skipped ones included."""
        return len(self.valid)

    @property
    def num_skipped(self) -> int:
        """Return the number of queries without a positive."""
        return int((~self.valid).sum())


def check_top_k(top_k: Sequence[int]) -> None:
    """Raise `DataError` unless every k of the CMC is at least 1."""
    if any(k < 1 for k in top_k):
        raise DataError(f"CMC at k = {min(top_k)}", "k of at least 1")


def result_from_ranks(
    ranks: np.ndarray,
    groups: GalleryGroups,
    *,
    ap: str,
    top_k: Sequence[int],
    semantics: Mapping[str, str],
    tie_spread: tuple[float, float] | None = None,
) -> RankingResult:
    """Fold the ranks of all positives into the numbers of a `RankingResult`.

    Args:
        ranks: (P,) float64 ranks from 1, query after query, ascending inside a query; infinite = not found.
        groups: who is positive to whom, for the queries in the same order.
        ap: form of the average precision.
        top_k: the k of the CMC.
        semantics: sentences about the rules that produced the ranks.
        tie_spread: mAP under the worst and best order of ties.

    Returns:
        The result; queries without a positive count in `skip_reasons` only.
    """
    valid = groups.num_positives > 0
    counts = groups.num_positives[valid]
    ends = np.cumsum(counts)
    per_query = np.full((3, len(valid)), np.nan)
    per_query[:, valid] = average_precision(ranks, counts, ap=ap), ranks[ends - counts], counts / ranks[ends - 1]
    means = per_query[:, valid]
    return RankingResult(
        mAP=float(means[0].mean()),
        cmc={int(k): float((means[1] <= k).mean()) for k in top_k},
        mINP=float(means[2].mean()),
        ap=per_query[0],
        first_rank=per_query[1],
        inp=per_query[2],
        valid=valid,
        skip_reasons=groups.skip_reasons(),
        semantics={**groups.semantics(), "ap": AP_SENTENCES[ap], **semantics},
        tie_spread=tie_spread,
    )
