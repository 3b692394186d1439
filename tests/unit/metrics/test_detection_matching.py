import numpy as np
import pytest

from pipeline.metrics.detection.matching import CALTECH_RULE, CROWDHUMAN_RULE, match_frame
from pipeline.metrics.detection.overlaps import intersection_over_area, intersection_over_union
from tests.references.detection_metrics import by_score, loop_crowd_match, loop_match, loop_overlap
from tests.unit.metrics.test_detection_miss_rate import make_frames


def test_golden_overlaps():
    found, box = np.array([[0, 0, 10, 10]]), np.array([[0, 0, 20, 20]])
    assert intersection_over_union(found, box).tolist() == [[0.25]]
    assert intersection_over_area(found, box).tolist() == [[1.0]]
    assert intersection_over_area(box, found).tolist() == [[0.25]]


def test_overlaps_equal_a_loop_and_are_zero_without_area():
    rng = np.random.default_rng(0)
    corners = rng.integers(0, 10, (12, 2))
    boxes = np.concatenate([corners, corners + rng.integers(0, 5, (12, 2))], axis=1)
    for function, is_region in ((intersection_over_union, False), (intersection_over_area, True)):
        expected = [[loop_overlap(a, b, is_region) for b in boxes.tolist()] for a in boxes.tolist()]
        np.testing.assert_allclose(function(boxes, boxes), expected)
    nothing = np.zeros((0, 4))
    assert intersection_over_union(nothing, boxes).shape == (0, 12)
    assert intersection_over_area(boxes, nothing).shape == (12, 0)


@pytest.mark.parametrize(("rule", "twin"), [(CALTECH_RULE, loop_match), (CROWDHUMAN_RULE, loop_crowd_match)])
@pytest.mark.parametrize("seed", range(8))
def test_matching_equals_the_loop_twin(seed, rule, twin):
    for frame in make_frames(seed, crowd=12):
        found = [frame["found"][i] for i in by_score(frame)]
        boxes, ignore = np.array(frame["boxes"]).reshape(-1, 4), np.array(frame["ignore"], bool)
        matches = match_frame(np.array(found).reshape(-1, 4), boxes, ignore, rule=rule)
        assert matches.outcomes.tolist() == twin(found, frame["boxes"], frame["ignore"])
        hits = matches.outcomes == 1
        assert (matches.partners >= 0).tolist() == hits.tolist()
        assert len(set(matches.partners[hits].tolist())) == hits.sum()
        assert not ignore[matches.partners[hits]].any()


def test_of_equal_boxes_caltech_takes_the_last_and_crowdhuman_the_first():
    boxes, found = np.tile([0.0, 0, 10, 10], (2, 1)), np.array([[0.0, 0, 10, 10]])
    free = np.zeros(2, bool)
    assert match_frame(found, boxes, free, rule=CALTECH_RULE).partners.tolist() == [1]
    assert match_frame(found, boxes, free, rule=CROWDHUMAN_RULE).partners.tolist() == [0]


def test_one_half_is_enough_for_caltech_and_not_for_crowdhuman():
    boxes, found, free = np.array([[0.0, 0, 10, 10]]), np.array([[0.0, 0, 10, 5]]), np.zeros(1, bool)
    assert match_frame(found, boxes, free, rule=CALTECH_RULE).outcomes.tolist() == [1]
    assert match_frame(found, boxes, free, rule=CROWDHUMAN_RULE).outcomes.tolist() == [0]


def test_a_box_that_counts_comes_before_an_ignore_region_that_overlaps_more():
    boxes = np.array([[0.0, 0, 10, 20], [0, 0, 10, 10]])
    found = np.tile([0.0, 0, 10, 10], (3, 1))
    matches = match_frame(found, boxes, np.array([False, True]), rule=CALTECH_RULE)
    assert matches.outcomes.tolist() == [1, -1, -1]


@pytest.mark.parametrize("rule", [CALTECH_RULE, CROWDHUMAN_RULE])
def test_frames_without_boxes_or_detections(rule):
    nothing, one, free = np.zeros((0, 4)), np.array([[0.0, 0, 5, 5]]), np.zeros(0, bool)
    assert match_frame(nothing, nothing, free, rule=rule).outcomes.shape == (0,)
    assert match_frame(one, nothing, free, rule=rule).outcomes.tolist() == [0]
    assert match_frame(nothing, one, np.zeros(1, bool), rule=rule).partners.shape == (0,)
