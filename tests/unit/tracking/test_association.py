"""Overlaps and the best one-to-one choice, beside loops over all choices."""

import numpy as np
import pytest

from pipeline.tracking.association import areas, best_pairs, overlaps
from tests.references.tracking import loop_best_choice, loop_iou


def make_boxes(count, seed):
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, 60, (count, 2))
    return np.concatenate([corners, corners + rng.uniform(5, 40, (count, 2))], axis=1).astype(np.float32)


def test_overlaps_equal_a_loop():
    left, right = make_boxes(7, 0), make_boxes(5, 1)
    expected = [[loop_iou(a.tolist(), b.tolist()) for b in right] for a in left]
    np.testing.assert_allclose(overlaps(left, right), expected, rtol=1e-9)
    np.testing.assert_allclose(overlaps(left, right), overlaps(right, left).T)
    assert overlaps(left, left).diagonal() == pytest.approx(1.0)


def test_margins_grow_both_boxes():
    left, right, grown = make_boxes(4, 2), make_boxes(3, 3), np.array([0.0, 1.5, 4.0, 20.0])
    for row, margin in enumerate(grown):
        out = margin * np.array([-1, -1, 1, 1])
        np.testing.assert_allclose(overlaps(left, right, grown)[row], overlaps(left + out, right + out)[row])


def test_overlap_golden_and_degenerate():
    assert overlaps(np.array([[0, 0, 10, 10]]), np.array([[5, 0, 15, 10]]))[0, 0] == pytest.approx(1 / 3)
    assert overlaps(np.array([[0, 0, 10, 10]]), np.array([[10, 0, 20, 10]]))[0, 0] == 0
    assert overlaps(np.zeros((0, 4)), np.zeros((3, 4))).shape == (0, 3)
    assert overlaps(np.zeros((1, 4)), np.zeros((1, 4)))[0, 0] == 0
    np.testing.assert_array_equal(areas(np.array([[0, 0, 2, 3], [4, 4, 1, 9]])), [6, 0])


@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (5, 2)])
@pytest.mark.parametrize("seed", range(4))
def test_choices_equal_trying_all(shape, seed):
    values = np.random.default_rng(seed).uniform(0, 1, shape)
    rows, columns = best_pairs(values, 0.4)
    gain = np.maximum(values - 0.4, 0)
    slow = [(i, j) for i, j in loop_best_choice(gain.tolist()) if gain[i, j] > 0]
    assert sorted(zip(rows.tolist(), columns.tolist(), strict=True)) == sorted(slow)


def test_two_good_pairs_beat_a_perfect_one():
    assert [part.tolist() for part in best_pairs(np.array([[1.0, 0.8], [0.8, 0.0]]), 0.1)] == [[0, 1], [1, 0]]
    # ... but not where one of them is hardly a pair.
    assert [part.tolist() for part in best_pairs(np.array([[1.0, 0.5], [0.5, 0.0]]), 0.4)] == [[0], [0]]


def test_nothing_to_choose():
    for shape in ((0, 3), (2, 0), (2, 2)):
        rows, columns = best_pairs(np.zeros(shape), 0.0)
        assert len(rows) == len(columns) == 0
