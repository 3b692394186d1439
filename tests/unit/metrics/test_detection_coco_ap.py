import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.metrics.detection.coco_ap import METRICS, average_precision
from pipeline.metrics.detection.detections_file import read_detections
from pipeline.metrics.detection.protocols import score_coco
from pipeline.metrics.detection.truth_file import read_truth
from tests.references.detection_metrics import loop_coco_ap
from tests.unit.metrics.test_detection_miss_rate import T1, make_frame, make_frames, make_outcomes, to_types

DATA = Path(__file__).resolve().parents[4] / "shared" / "data" / "coco_eval"
RESULTS = "instances_val2014_fakebbox100_results.json"
has_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"{DATA} is not there")


@pytest.mark.parametrize("seed", range(5))
def test_average_precision_equals_the_loop_twin(seed):
    frames = make_frames(seed, count=20)
    result = average_precision(*to_types(frames))
    thresholds = [round(0.5 + 0.05 * step, 2) for step in range(10)]
    every = [loop_coco_ap(frames, threshold) for threshold in thresholds]
    assert result["ap"] == pytest.approx(np.mean(every), abs=1e-9)
    assert (result["ap50"], result["ap75"]) == pytest.approx((every[0], every[5]), abs=1e-9)
    for name, areas in (("ap_small", (0, 32**2)), ("ap_medium", (32**2, 96**2)), ("ap_large", (96**2, 1e10))):
        sized = [loop_coco_ap(frames, threshold, areas) for threshold in thresholds]
        assert result[name] == pytest.approx(np.mean(sized), abs=1e-9)


def test_golden_area_at_one_half():
    frames = make_outcomes(T1)
    result = average_precision(*to_types(frames))
    assert result["ap50"] == pytest.approx(0.570957, abs=5e-7)
    assert result["ar100"] == 0.75
    assert tuple(result) == METRICS


def test_nothing_found_scores_nothing_and_no_box_has_no_score():
    truth, found = to_types([make_frame([(0, 0, 10, 10)])])
    result = average_precision(truth, found)
    assert (result["ap"], result["ap_small"], result["ap_large"]) == (0.0, 0.0, None)
    for frame in (make_frame(found=[(0, 0, 9, 9)], scores=[0.5]), make_frame([(0, 0, 9, 9)], ignore=[True])):
        assert set(average_precision(*to_types([frame])).values()) == {None}
    assert set(average_precision([], []).values()) == {None}


def test_sizes_go_by_the_given_areas():
    truth, found = to_types([make_frame([(0, 0, 40, 40)], [(0, 0, 40, 40)], [0.5])])
    assert average_precision(truth, found)["ap_medium"] == 1.0
    shrunk = [type(truth[0])(**(vars(truth[0]) | {"areas": np.array([900.0])}))]
    assert average_precision(shrunk, found)["ap_medium"] is None
    assert average_precision(shrunk, found)["ap_small"] == 1.0


def test_more_than_100_detections_of_an_image_are_left_out():
    box = (0, 0, 50, 50)
    frame = make_frame([box], [*[(200, 0, 250, 50)] * 100, box], [*[0.9] * 100, 0.1])
    assert average_precision(*to_types([frame]))["ap"] == 0.0


def score(truth_name, category=None):
    truth = read_truth(DATA / truth_name)
    detections = read_detections(DATA / RESULTS, truth.image_ids)
    return score_coco(truth, detections, category=category).values


@pytest.mark.data
@has_data
def test_published_values_of_cocos_own_example():
    published = (0.505, 0.697, 0.573, 0.586, 0.519, 0.501, 0.387, 0.594, 0.595, 0.640, 0.566, 0.564)
    # The text gives three decimals.
    assert tuple(score("instances_val2014_100.json").values()) == pytest.approx(published, abs=5.1e-4)


@pytest.mark.data
@has_data
def test_persons_alone_and_areas_of_the_boxes():
    person = score("instances_val2014_100.json", category=1)
    assert (person["ap"], person["ap50"], person["ap75"]) == pytest.approx((0.532606, 0.788342, 0.595910), abs=1e-6)
    by_box = score("sampled_gts_bbox_area.json")
    assert by_box["ap"] == pytest.approx(0.503647, abs=1e-6)
    assert by_box["ap_small"] != pytest.approx(score("instances_val2014_100.json")["ap_small"], abs=1e-3)


@pytest.mark.data
@has_data
def test_our_types_give_the_same_as_the_files():
    truth = read_truth(DATA / "instances_val2014_100.json")
    detections = read_detections(DATA / RESULTS, truth.image_ids)
    found, _ = detections.frames(1)
    assert average_precision(truth.frames(1), found) == pytest.approx(score_coco(truth, detections, category=1).values)
    assert len(json.loads((DATA / RESULTS).read_text())) == len(detections.scores)
