"""The best combination of ranked blocks within a budget, found exactly."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.errors import ConfigError


@dataclass(frozen=True)
class Combination:
    """One candidate for each stage.

    Args:
        macs: multiply-adds of the whole network.
        rank: sum of the ranks of its blocks; smaller is better.
        picks: position of the candidate of each stage.
    """

    macs: int
    rank: float
    picks: tuple[int, ...]


def undominated(ranks: Sequence[Sequence[float]], macs: Sequence[np.ndarray]) -> list[Combination]:
    """Return all combinations that none beats in both cost and rank, from the cheapest to the best.

    What a stage costs depends on its own candidate and on the one before it, so two beginnings that end in the same
    candidate can be compared whatever comes later: the one that is neither cheaper nor better is dropped.

    Args:
        ranks: of each candidate, stage by stage.
        macs: for each stage (candidates of the stage before, candidates) int64 multiply-adds; the first has one row.

    Returns:
        Combinations with rising cost and falling rank; of equal ones the first by position.
    """
    fronts = [[Combination(0, 0.0, ())]]
    for own, costs in zip(ranks, macs, strict=True):
        assert costs.shape == (len(fronts), len(own)), f"costs {costs.shape} of {len(own)} candidates"
        fronts = [
            _front([
                Combination(begun.macs + int(costs[previous, pick]), begun.rank + own[pick], (*begun.picks, pick))
                for previous, front in enumerate(fronts) for begun in front
            ])
            for pick in range(len(own))
        ]  # fmt: skip
    return _front([whole for front in fronts for whole in front])


def best_within(front: Sequence[Combination], *, budget: int) -> Combination:
    """Return the combination with the smallest rank within a budget.

    Args:
        front: what `undominated` returned.
        budget: most multiply-adds.

    Raises:
        ConfigError: even the cheapest one costs more.
    """
    within = [whole for whole in front if whole.macs <= budget]
    if not within:
        raise ConfigError(
            f"no structure does with {budget:,} multiply-adds",
            f"{front[0].macs:,} at least, those of the smallest one",
            "Raise macs, or add smaller widths or depths.",
        )  # fmt: skip
    return within[-1]


def _front(combinations: list[Combination]) -> list[Combination]:
    kept: list[Combination] = []
    for one in sorted(combinations, key=lambda c: (c.macs, c.rank, c.picks)):
        if not kept or one.rank < kept[-1].rank:
            kept.append(one)
    return kept
