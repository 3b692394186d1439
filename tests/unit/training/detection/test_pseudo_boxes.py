"""Calibrated confidences, and what becomes of a teacher's boxes."""

import numpy as np
import pytest

from datasets.frame_boxes import Geometry
from pipeline.detection_types import Detections, FrameBoxes
from pipeline.training.detection.calibration import Calibration, fit_calibration, right_boxes
from pipeline.training.detection.pseudo_boxes import Limits, limits_for, pseudo_targets


def make_truth(boxes, ignore):
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    count = len(boxes)
    return FrameBoxes(
        boxes, boxes, np.ones(count, np.float32), np.array(ignore, bool), np.full(count, -1), ("person",) * count
    )


def test_the_fit_finds_the_scaling_that_made_the_data():
    rng = np.random.default_rng(0)
    scores = rng.uniform(0.02, 0.98, 20_000)
    made_by = Calibration(slope=0.7, offset=-1.0)
    found = fit_calibration(scores, rng.random(len(scores)) < made_by.confidence(scores))
    assert found.slope == pytest.approx(0.7, abs=0.05)
    assert found.offset == pytest.approx(-1.0, abs=0.05)


def test_the_identity_leaves_scores_as_they_are():
    scores = np.linspace(0.01, 0.99, 7)
    assert Calibration().confidence(scores) == pytest.approx(scores)
    assert Calibration(2.0, 0.0).confidence(np.array([0.8])) == pytest.approx([16 / 17])


@pytest.mark.parametrize(
    ("scores", "is_right"),
    [
        ([], []),
        ([0.5] * 5, [True, False] * 2 + [True]),
        ([0.5] * 30, [True] * 30),
        ([0.5] * 30, [False] * 30),
        (list(np.linspace(0.1, 0.9, 40)), [True] * 20 + [False] * 20),
    ],
    ids=["none", "few", "all right", "all wrong", "turned around"],
)
def test_where_nothing_can_be_learnt_scores_stay(scores, is_right):
    assert fit_calibration(np.array(scores, float), np.array(is_right, bool)) == Calibration()


def test_right_wrong_and_left_out():
    truth = make_truth([[0, 0, 10, 20], [50, 0, 90, 40]], [False, True])
    boxes = np.array([[0, 0, 10, 20], [1, 0, 11, 20], [55, 5, 65, 25], [200, 0, 210, 20]], np.float32)
    found = Detections(boxes, np.array([0.9, 0.8, 0.7, 0.6], np.float32))
    scores, is_right, shares = right_boxes([found], [truth])
    assert scores == pytest.approx([0.9, 0.8, 0.6])
    assert is_right.tolist() == [True, False, False]
    assert np.isnan(shares).all()
    assert [len(column) for column in right_boxes([], [])] == [0, 0, 0]
    shares = right_boxes([found], [truth], [np.array([0.1, 0.2, 0.3, 0.4])])[2]
    assert shares == pytest.approx([0.1, 0.2, 0.4])


def make_moving(count=20_000):
    """Boxes of which those in the foreground are right far more often; of a third nobody knows the camera."""
    rng = np.random.default_rng(5)
    made_by = Calibration(0.7, -1.0, moving=(0.6, -3.0, 4.0))
    scores, shares = rng.uniform(0.02, 0.98, count), rng.uniform(0, 0.5, count)
    shares[: count // 3] = np.nan
    return made_by, scores, rng.random(count) < made_by.confidence(scores, shares), shares


def test_the_fit_finds_what_the_foreground_says():
    made_by, scores, is_right, shares = make_moving()
    found = fit_calibration(scores, is_right, shares)
    assert found.moving == pytest.approx(made_by.moving, abs=0.15)
    assert Calibration.of(found.numbers) == found
    assert fit_calibration(scores, is_right).moving is None
    assert Calibration.of(Calibration(0.5, 1.0).numbers) == Calibration(0.5, 1.0)


def test_boxes_of_unknown_cameras_are_judged_by_their_score():
    calibration = Calibration(1.0, 0.0, moving=(1.0, -2.0, 4.0))
    scores = np.array([0.5, 0.5, 0.5, 0.5])
    found = calibration.confidence(scores, np.array([np.nan, 0.0, 0.25, 0.9]))
    # sigmoid(0), sigmoid(-2), sigmoid(2), and no more than that.
    assert found == pytest.approx([0.5, 0.1192029, 0.8807971, 0.8807971])
    assert calibration.confidence(scores) == pytest.approx(scores)


def test_a_foreground_that_says_nothing_or_the_contrary_has_no_say():
    _, scores, is_right, shares = make_moving()
    assert fit_calibration(scores, is_right, 0.5 - shares).moving is None
    assert fit_calibration(scores, is_right, np.full(len(scores), np.nan)).moving is None
    assert fit_calibration(scores, is_right, np.full(len(scores), np.nan)).slope > 0


def test_furniture_falls_behind_people():
    boxes = np.array([[0, 0, 1, 1], [2, 2, 3, 3]], np.float32)
    found = Detections(boxes, np.array([0.9, 0.7], np.float32))
    sure = Calibration(moving=(1.0, -2.0, 4.0)).applied(found, np.array([0.0, 0.3]))
    assert sure.boxes.tolist() == boxes[::-1].tolist()
    assert (np.diff(sure.scores) < 0).all()


WHOLE = Geometry((0, 0, 40, 40), (40, 40))


def test_sure_boxes_teach_unsure_ones_are_ignored_and_the_rest_is_background():
    boxes = np.arange(16, dtype=np.float32).reshape(4, 4)
    found = Detections(boxes, np.array([0.9, 0.6, 0.59, 0.1], np.float32))
    made = pseudo_targets(found, Limits(0.6, 0.2), WHOLE)
    assert made.boxes.tolist() == boxes[:2].tolist()
    assert made.weights.tolist() == pytest.approx([0.9, 0.6])
    assert made.ignored.tolist() == boxes[2:3].tolist()
    # Before a fixed camera whatever moves is neither a person nor background.
    plane = np.zeros((40, 40), np.uint8)
    plane[10:30, 8:16] = 1
    made = pseudo_targets(found, Limits(0.6, 0.2), WHOLE, plane=plane)
    assert made.boxes.tolist() == boxes[:2].tolist()
    assert made.ignored.tolist() == [*boxes[2:3].tolist(), [6, 5, 18, 35]]
    empty = pseudo_targets(Detections(boxes[:0], np.zeros(0, np.float32)), Limits(0.6, 0.2), WHOLE)
    assert (empty.boxes.shape, empty.ignored.shape) == ((0, 4), (0, 4))


def test_boxes_of_a_frame_move_with_its_view():
    boxes = np.array([[4, 4, 8, 16], [16, 10, 24, 30], [18, 2, 30, 30], [30, 30, 36, 38]], np.float32)
    found = Detections(boxes, np.array([0.9, 0.8, 0.7, 0.9], np.float32))
    # The left upper quarter, enlarged by two and flipped.
    view = Geometry((0, 0, 20, 20), (40, 40), is_flipped=True)
    made = pseudo_targets(found, Limits(0.6, 0.2), view, min_height=20)
    assert made.boxes.tolist() == [[24, 8, 32, 32]]
    # Of the second a quarter is seen, of the third a tenth, of the fourth nothing.
    assert made.ignored.tolist() == [[0, 20, 8, 40], [0, 4, 4, 40]]
    assert pseudo_targets(found, Limits(0.6, 0.2), view, min_height=25).ignored.tolist()[0] == [24, 8, 32, 32]
    half = Detections(np.array([[15, 4, 25, 16]], np.float32), np.array([0.9], np.float32))
    assert pseudo_targets(half, Limits(0.6, 0.2), view).boxes.tolist() == [[-10, 8, 10, 32]]


def make_confident(*confidences):
    return Detections(np.zeros((len(confidences), 4), np.float32), np.array(confidences, np.float32))


def test_limits_fall_until_enough_boxes_teach():
    found = [make_confident(0.5, 0.4, 0.3, 0.2), make_confident(0.4, 0.2)]
    # Two people are expected: all of them are two boxes, twice as many are four.
    limits = limits_for(found, keep=0.6, shares=(1.0, 2.0))
    assert (limits.keep, limits.ignore) == pytest.approx((0.4, 0.3))
    # A detector that trusts itself keeps all that it is sure of.
    sure = limits_for([make_confident(0.9, 0.8, 0.7)], keep=0.6, shares=(0.5, 1.0))
    assert (sure.keep, sure.ignore) == pytest.approx((0.6, 0.6))


def test_limits_without_boxes_or_people():
    assert limits_for([], keep=0.6, shares=(0.5, 2.0)) == Limits(0.6, 0.6)
    assert limits_for([make_confident(0.2)], keep=0.6, shares=(0.5, 2.0)) == Limits(0.6, 0.6)
    few = limits_for([make_confident(0.3, 0.3)], keep=0.6, shares=(2.0, 9.0))
    assert (few.keep, few.ignore) == pytest.approx((0.3, 0.3))
