"""Which states of a teacher teach, and for how long."""

import pytest

from pipeline.errors import ConfigError
from pipeline.teaching.route import equal_interval, greedy_anchors, next_anchor, one_stage_segments, spread
from tests.references.teaching import greedy_route

TABLE = [[0.10, 0.15, 0.30, 0.60], [None, 0.12, 0.16, 0.40], [None, None, 0.15, 0.22], [None, None, None, 0.1]]


@pytest.mark.parametrize(
    ("length", "anchors", "expected"),
    [(240, 4, [60, 120, 180, 240]), (7, 3, [2, 5, 7]), (5, 1, [5]), (4, 4, [1, 2, 3, 4]), (5, 2, [3, 5])],
)
def test_equal_intervals_have_their_golden_values(length, anchors, expected):
    assert equal_interval(length, anchors) == expected


def test_anchors_strictly_increase_and_end_at_the_end():
    for length in range(1, 30):
        for anchors in range(1, length + 1):
            found = equal_interval(length, anchors)
            assert found == sorted(set(found))
            assert (found[0] >= 1, found[-1], len(found)) == (True, length, anchors)


@pytest.mark.parametrize(
    ("total", "anchors", "share", "expected"),
    [
        (100, 4, 0.4, [20, 20, 20, 40]), (10, 3, 0.4, [3, 3, 4]), (10, 2, 0.4, [5, 5]), (9, 1, 0.4, [9]),
        (3, 3, 0.9, [1, 1, 1]), (240, 4, 0.25, [60, 60, 60, 60]),
    ],
)  # fmt: skip
def test_one_budget_is_shared_and_the_last_anchor_has_its_part(total, anchors, share, expected):
    assert one_stage_segments(total, anchors, share) == expected


def test_segments_always_fill_the_budget():
    for total in range(1, 25):
        for anchors in range(1, total + 1):
            found = one_stage_segments(total, anchors, 0.4)
            assert sum(found) == total
            assert min(found) >= 1
            assert found[-1] == max(found)


@pytest.mark.parametrize(("delta", "expected"), [(1.2, [1, 2, 3, 4]), (3.1, [1, 3, 4]), (6.1, [1, 4])])
def test_greedy_routes_have_their_golden_values(delta, expected):
    assert greedy_anchors(lambda i: TABLE[i - 1], 1, 4, delta) == expected == greedy_route(TABLE, delta)


def test_a_student_that_has_copied_its_anchor_goes_on_to_the_next():
    assert next_anchor([0.0, 0.1, 0.2], 1, 2.0) == 2


@pytest.mark.parametrize("build", [equal_interval, one_stage_segments])
@pytest.mark.parametrize("anchors", [0, 4])
def test_more_anchors_than_steps_are_told(build, anchors):
    with pytest.raises(ConfigError, match=f"{anchors} anchors on a route of 3"):
        build(3, anchors)


def test_positions_are_spread_from_the_first_to_the_last():
    assert spread([0, 2, 3, 7, 8], 3) == [0, 3, 8]
    assert spread([0, 2, 3, 7, 8], 1) == [8]
    assert spread([0, 4], 5) == [0, 4]
    assert spread([0], 3) == [0]
