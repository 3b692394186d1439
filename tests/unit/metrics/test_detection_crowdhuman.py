import numpy as np
import pytest

from pipeline.detection_types import Detections
from pipeline.errors import DataError
from pipeline.metrics.detection.crowdhuman import clip_boxes, crowdhuman_miss_rate, crowdhuman_scores
from pipeline.metrics.detection.jaccard_index import frame_index, jaccard_index
from pipeline.metrics.detection.miss_rate import ROUNDED_FPPI
from pipeline.metrics.detection.precision_recall import area_ap, interpolated_ap, trapezoid_ap
from pipeline.metrics.detection.truth import FrameTruth
from tests.references.detection_metrics import loop_coco_ap, loop_crowdhuman
from tests.unit.metrics.test_detection_miss_rate import T1, T2, make_frame, make_frames, make_outcomes, to_types


def test_golden_miss_rates_and_the_three_areas():
    first, second = (crowdhuman_scores(*to_types(make_outcomes(outcomes))) for outcomes in (T1, T2))
    assert (first.mr, second.mr) == (pytest.approx(0.497113, abs=5e-7), pytest.approx(0.734867, abs=5e-7))
    assert first.ap == trapezoid_ap(np.array(T1, bool), 4) == pytest.approx(0.283333, abs=5e-7)
    assert interpolated_ap(np.array(T1, bool), 4) == pytest.approx(0.570957, abs=5e-7)
    assert area_ap(np.array(T1, bool), 4) == pytest.approx(0.566667, abs=5e-7)


@pytest.mark.parametrize("seed", range(8))
def test_scores_equal_the_loop_twin(seed):
    frames = make_frames(seed, count=15, crowd=5)
    result = crowdhuman_scores(*to_types(frames))
    assert (result.ap, result.mr, result.ji) == pytest.approx(loop_crowdhuman(frames, ROUNDED_FPPI), abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_interpolated_ap_equals_the_loop_twin(seed):
    # People far apart: every detection is a hit of its own person or a false positive.
    hits = np.random.default_rng(seed).random(30) < 0.6
    frames = make_outcomes(hits.tolist(), images=3, boxes=40)
    assert interpolated_ap(hits, 40) == pytest.approx(loop_coco_ap(frames, 0.5), abs=1e-12)


def test_golden_jaccard_index():
    people = [(100 * i, 0, 100 * i + 40, 100) for i in range(3)]
    found = [people[0], people[1], (0, 300, 40, 400), (0, 500, 40, 600)]
    truth, items = to_types([make_frame(people, found, [0.95] * 4)])
    assert jaccard_index(truth, items) == (pytest.approx(2 / 5), 0.0)


def test_jaccard_takes_the_best_threshold_and_leaves_out_what_lies_in_ignore_regions():
    person, region = (0, 0, 40, 100), (200, 0, 400, 200)
    found = [person, (210, 0, 250, 100), (600, 0, 640, 100)]
    truth, items = to_types([make_frame([person, region], found, [0.9, 0.8, 0.3], ignore=[False, True])])
    assert jaccard_index(truth, items) == (1.0, 0.3)


def test_the_matching_of_the_jaccard_index_has_the_greatest_sum():
    # Greedily, .9 would leave the second row without a partner.
    overlaps = np.array([[0.9, 0.8], [0.85, 0.0]])
    assert frame_index(overlaps, np.zeros(2, bool), np.zeros(2, bool)) == 1.0
    assert frame_index(np.zeros((0, 0)), np.zeros(0, bool), np.zeros(0, bool)) is None
    assert frame_index(np.zeros((1, 1)), np.ones(1, bool), np.ones(1, bool)) is None


def test_boxes_are_clipped_to_the_frame_and_the_left_top_pixel_stays():
    clipped = clip_boxes(np.array([[-5.0, -5, 30, 30], [40, 40, 60, 60], [5, 5, 10, 10]]), (20, 25))
    assert clipped.tolist() == [[0, 0, 25, 20], [24, 19, 25, 20], [5, 5, 10, 10]]
    assert clip_boxes(np.array([[-5.0, -5, 9, 9]]), (1, 1)).tolist() == [[0, 0, 1, 1]]
    outside = np.array([[-50.0, 0, 50, 100]])
    truth = FrameTruth(outside, np.array([100.0]), np.ones(1), np.zeros(1, bool), size=(100, 100))
    found = Detections(np.array([[0.0, 0, 50, 100]]), np.ones(1))
    assert crowdhuman_scores([truth], [found]).miss.tolist() == [0.0]


def test_nothing_found_and_nobody_to_find():
    result = crowdhuman_scores(*to_types([make_frame([(0, 0, 40, 100)])]))
    assert (result.ap, result.mr, result.ji) == (0.0, 1.0, 0.0)
    with pytest.raises(DataError, match="all of the 1 boxes are ignored"):
        crowdhuman_scores(*to_types([make_frame([(0, 0, 40, 100)], ignore=[True])]))


def test_a_perfect_curve_is_floored():
    assert crowdhuman_miss_rate(np.array([0.0]), np.array([0.0])) == pytest.approx(1e-10)
