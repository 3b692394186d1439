"""Thresholds at which a chosen share of pairs of two people is taken for one person, exactly and in bounded memory."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.errors import DataError
from pipeline.metrics.pair_distances import PairBlock

Blocks = Callable[[], Iterator[PairBlock]]
_CELLS = 1 << 16


@dataclass(frozen=True)
class MatchPoint:
    """A threshold and what it does to the pairs that it was taken from; two crops match where distance < threshold.

    Args:
        rate: share of pairs of two people that may match.
        threshold: cosine distance.
        false_match_rate: share of pairs of two people that match, at most `rate`.
        true_match_rate: share of pairs of one person that match, or None without such a pair.
    """

    rate: float
    threshold: float
    false_match_rate: float
    true_match_rate: float | None


@dataclass(frozen=True)
class MatchPoints:
    """Thresholds at several rates.

    Args:
        genuine: pairs of one person.
        impostors: pairs of two people.
        points: by ascending rate; rates below one pair of two people in all are left out.
    """

    genuine: int
    impostors: int
    points: tuple[MatchPoint, ...]


def match_points(blocks: Blocks, rates: Sequence[float]) -> MatchPoints:
    """Find the largest threshold t at each rate r with ``#{impostor distances < t} <= r * #impostors``.

    That is the impostor distance with r * #impostors, rounded down, smaller ones before it. It is selected in two
    passes by the two halves of the distances' bits, so no pair is stored: non-negative floats are ordered as their
    bits are.

    Args:
        blocks: gives the same blocks of float32 distances, at least 0, whenever it is called.
        rates: in (0, 1).

    Raises:
        DataError: a rate outside (0, 1).
    """
    wrong = [rate for rate in rates if not 0 < rate < 1]
    if wrong:
        raise DataError(f"a false-match rate of {wrong[0]}", "a share between 0 and 1, such as 0.01")
    coarse = np.zeros((2, _CELLS), np.int64)
    for pair in blocks():
        for side, distances in enumerate(pair):
            coarse[side] += np.bincount(_bits(distances) >> 16, minlength=_CELLS)
    genuine, impostors = (int(count) for count in coarse.sum(axis=1))
    # A hair above, because 0.29 * 100 is 28.999999999999996.
    wanted = {rate: int(rate * impostors + 1e-6) for rate in sorted(rates)}
    wanted = {rate: rank for rate, rank in wanted.items() if rank >= 1}
    before = np.concatenate([np.zeros((2, 1), np.int64), np.cumsum(coarse, axis=1)], axis=1)
    cells = {rank: _place(before[1], rank) for rank in wanted.values()}
    fine = _within_cells(blocks, sorted(set(cells.values())))
    points = []
    for rate, rank in wanted.items():
        cell = cells[rank]
        inside = np.concatenate([np.zeros((2, 1), np.int64), np.cumsum(fine[cell], axis=1)], axis=1)
        low = _place(inside[1], rank - before[1, cell])
        own, other = (int(count) for count in before[:, cell] + inside[:, low])
        threshold = float(np.array([cell << 16 | low], np.uint32).view(np.float32)[0])
        points.append(MatchPoint(rate, threshold, other / impostors, own / genuine if genuine else None))
    return MatchPoints(genuine, impostors, tuple(points))


def rates_at(blocks: Blocks, threshold: float) -> tuple[float | None, float | None]:
    """Return the share of pairs of one person, and of two people, whose distance is below a threshold.

    Args:
        blocks: as in `match_points`.
        threshold: cosine distance.

    Returns:
        true-match and false-match rate; None where there is no such pair.
    """
    counts, totals = np.zeros(2, np.int64), np.zeros(2, np.int64)
    for pair in blocks():
        counts += [np.count_nonzero(distances < np.float32(threshold)) for distances in pair]
        totals += [len(distances) for distances in pair]
    own, other = (float(count / total) if total else None for count, total in zip(counts, totals, strict=True))
    return own, other


def _bits(distances: np.ndarray) -> np.ndarray:
    assert distances.dtype == np.float32, f"float32 distances, got {distances.dtype}"
    return np.ascontiguousarray(distances).view(np.uint32)


def _place(before: np.ndarray, rank: int) -> int:
    """Return the cell that the rank-th smallest value, counted from 0, lies in."""
    return int(np.searchsorted(before, rank, side="right")) - 1


def _within_cells(blocks: Blocks, cells: Sequence[int]) -> Mapping[int, np.ndarray]:
    """Count the lower halves of the bits of both kinds of pairs in some cells."""
    fine = {cell: np.zeros((2, _CELLS), np.int64) for cell in cells}
    if not cells:
        return fine
    for pair in blocks():
        for side, distances in enumerate(pair):
            bits = _bits(distances)
            upper = bits >> 16
            for cell in cells:
                fine[cell][side] += np.bincount(bits[upper == cell] & 0xFFFF, minlength=_CELLS)
    return fine
