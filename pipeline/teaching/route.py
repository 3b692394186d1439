"""Anchors on a teacher's way through its own training: which of its states teach, in which order, for how long."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from pipeline.errors import ConfigError

# A hardness of zero, of a student that has copied its anchor, would let no further anchor through.
SMALLEST_HARDNESS = 1e-8


def equal_interval(length: int, anchors: int) -> list[int]:
    """Return the positions ``round(j length / anchors)`` for j = 1..anchors, halves rounded up.

    Args:
        length: positions on the way, such as steps; at least `anchors`.
        anchors: how many to choose, at least 1.

    Returns:
        Strictly increasing positions in 1..length; the last one is `length`.

    Raises:
        ConfigError: there are fewer positions than anchors.

    Reference:
        Jin et al. Knowledge distillation via route constrained optimization. ICCV 2019 (equal epoch interval).
        Re-implementation; the rounding is ours.
    """
    _check_count(anchors, length, "positions on the way")
    return [(2 * j * length + anchors) // (2 * anchors) for j in range(1, anchors + 1)]


def spread(positions: Sequence[int], anchors: int) -> list[int]:
    """Return positions at equal distances in a list, the first and the last among them.

    Args:
        positions: ascending, at least one; fewer than `anchors` are all taken.
        anchors: how many are wanted, at least 1; a single one is the last.
    """
    steps = min(anchors, len(positions)) - 1
    last = len(positions) - 1
    return (
        [positions[-1]] if steps == 0 else [positions[(2 * j * last + steps) // (2 * steps)] for j in range(steps + 1)]
    )


def one_stage_segments(total: int, anchors: int, last_share: float = 0.4) -> list[int]:
    """Return for how many steps each anchor teaches where all of them share one ordinary budget.

    All segments are equal, but the last one has `last_share` of the steps at least.

    Args:
        total: steps of the budget; at least `anchors`.
        anchors: their number, at least 1.
        last_share: 0..1.

    Returns:
        Steps of each segment, 1 or more each; their sum is `total`.

    Raises:
        ConfigError: there are fewer steps than anchors.

    Reference:
        Jin et al. ICCV 2019 (one-stage equal epoch interval). Re-implementation; the longer last segment is ours.
    """
    _check_count(anchors, total, "steps")
    wanted = max(math.ceil(last_share * total - 1e-9), -(-total // anchors))
    last = total if anchors == 1 else min(wanted, total - (anchors - 1))
    rest = [0, *equal_interval(total - last, anchors - 1)] if anchors > 1 else [0]
    return [*(after - before for before, after in pairwise(rest)), last]


def next_anchor(row: Sequence[float], start: int, delta: float) -> int:
    """Return the furthest anchor that is not too hard for a student of anchor `start`.

    Anchor j is within reach where ``H_j <= delta H_start``; where none is, the next one is taken.

    Args:
        row: H_1..H_n, hardness of each anchor for the present student; those before `start` are not read.
        start: 1-based anchor that the student was trained on; below n.
        delta: above 0; larger takes longer strides.

    Reference:
        Jin et al. ICCV 2019 (greedy search). Re-implementation: the form of the ratio and its bound are ours.
    """
    bound = delta * max(row[start - 1], SMALLEST_HARDNESS)
    reachable = [j for j in range(start + 1, len(row) + 1) if row[j - 1] <= bound]
    return max(reachable, default=start + 1)


def greedy_anchors(hardness: Callable[[int], Sequence[float]], start: int, last: int, delta: float) -> list[int]:
    """Return the whole greedy route.

    Args:
        hardness: trains the student on anchor i and returns H_1..H_n for it.
        start: 1-based first anchor.
        last: n, where the route ends.
        delta: as in `next_anchor`.

    Returns:
        Strictly increasing anchors from `start` to `last`.
    """
    anchors = [start]
    while anchors[-1] < last:
        anchors.append(next_anchor(hardness(anchors[-1]), anchors[-1], delta))
    return anchors


def _check_count(anchors: int, available: int, what: str) -> None:
    if not 1 <= anchors <= available:
        raise ConfigError(
            f"{anchors} anchors on a route of {available} {what}", f"1 to {available} anchors",
            "Ask for fewer anchors, or train longer.",
        )  # fmt: skip
