import math

import numpy as np
import pytest

from pipeline.detection_types import Detections, FrameBoxes
from pipeline.errors import DataError
from pipeline.metrics.detection.caltech import prepare_caltech
from pipeline.metrics.detection.curve_points import thin_curve
from pipeline.metrics.detection.miss_rate import (
    CALTECH_FPPI,
    ROUNDED_FPPI,
    kept_detections,
    log_average_miss_rate,
    miss_rate,
    miss_rate_curve,
)
from pipeline.metrics.detection.subsets import SUBSETS, Subset, find_subset
from pipeline.metrics.detection.truth import FrameTruth, frame_truth
from tests.references.detection_metrics import loop_miss_rate

EVERYONE = Subset("everyone", (0, math.inf), (0, math.inf))
T1, T2 = (1, 0, 1, 0, 1), (0, 1, 1)


def make_frame(boxes=(), found=(), scores=(), *, heights=None, visible=None, ignore=None):
    return {
        "boxes": [list(map(float, box)) for box in boxes],
        "heights": list(heights) if heights is not None else [float(box[3] - box[1]) for box in boxes],
        "visible": list(visible) if visible is not None else [1.0] * len(boxes),
        "ignore": list(ignore) if ignore is not None else [False] * len(boxes),
        "found": [list(map(float, box)) for box in found],
        "scores": list(map(float, scores)),
    }


def make_frames(seed, count=30, *, levels=12, crowd=7):
    """Random frames on whole pixels: equal scores, equal overlaps, ignore regions, empty frames and empty boxes."""
    rng = np.random.default_rng(seed)
    frames = []
    for _ in range(count):
        size = rng.integers(0, crowd)
        height = rng.integers(2, 16, size) * 10
        left, top = rng.integers(0, 12, size) * 10, rng.integers(0, 6, size) * 10
        boxes = np.stack([left, top, left + height // 2, top + height], axis=1)
        moved = rng.integers(-1, 2, (2 * size, 4)) * rng.integers(0, 2, (2 * size, 1)) * 10
        strays = np.tile(rng.integers(0, 12, (rng.integers(0, 4), 2)) * 10, 2) + np.array([0, 0, 20, 50])
        kept = np.concatenate([np.repeat(boxes, 2, axis=0) + moved, strays])
        kept = kept[(kept[:, 2:] >= kept[:, :2]).all(axis=1)]
        kept = kept[rng.permutation(len(kept))]
        scores = rng.integers(0, levels, len(kept)) / levels
        visible = rng.choice([0.1, 0.2, 0.5, 0.65, 0.9, 1.0], size)
        ignore = (rng.random(size) < 0.25).tolist()
        frames.append(make_frame(boxes, kept, scores, visible=visible.tolist(), ignore=ignore))
    return frames


def to_types(frames):
    truth = [
        FrameTruth(
            np.array(frame["boxes"]).reshape(-1, 4),
            np.array(frame["heights"], float),
            np.array(frame["visible"], float),
            np.array(frame["ignore"], bool),
        )
        for frame in frames
    ]
    found = [Detections(np.array(f["found"]).reshape(-1, 4), np.array(f["scores"], float)) for f in frames]
    return truth, found


def make_outcomes(outcomes, images=10, boxes=4):
    """Frames whose detections, by score, hit a box (1) or nothing (0)."""
    places = [(100.0 * place, 0.0, 100.0 * place + 40, 100.0) for place in range(boxes)]
    free = iter(range(boxes))
    found = [places[next(free)] if hit else (0.0, 500.0, 40.0, 600.0) for hit in outcomes]
    first = make_frame(places, found, [1 - 0.1 * rank for rank in range(len(outcomes))])
    return [first, *(make_frame() for _ in range(images - 1))]


def test_golden_rates():
    for outcomes, expected in ((T1, 0.475214), (T2, 0.680395)):
        result = miss_rate(*to_types(make_outcomes(outcomes)))
        assert result.miss_rate == pytest.approx(expected, abs=5e-7)
    t1 = miss_rate(*to_types(make_outcomes(T1)))
    np.testing.assert_allclose(1 - t1.miss, [0.25, 0.25, 0.5, 0.5, 0.75])
    np.testing.assert_allclose(t1.fppi, [0, 0.1, 0.1, 0.2, 0.2])
    assert t1.miss_rate == pytest.approx(math.exp((4 * math.log(0.75) + 2 * math.log(0.5) + 3 * math.log(0.25)) / 9))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", ["reasonable", "small", "heavy_citypersons", "heavy_csp", "all", "kaist_far"])
def test_rate_equals_the_loop_twin(seed, name):
    frames, subset = make_frames(seed), SUBSETS[name]
    expected = loop_miss_rate(frames, subset.height, subset.visible, ROUNDED_FPPI)
    result = miss_rate(*to_types(frames), subset=subset, references=ROUNDED_FPPI)
    assert result.miss_rate == pytest.approx(expected, abs=1e-12)
    assert result.num_valid + result.num_ignored == sum(len(frame["boxes"]) for frame in frames)


def test_one_ignore_region_absorbs_any_number_and_is_never_missed():
    person, region = (0, 0, 40, 100), (400, 0, 800, 400)
    found = [person, (420, 10, 460, 110), (500, 10, 540, 110)]
    result = miss_rate(*to_types([make_frame([person, region], found, [0.9, 0.8, 0.7], ignore=[False, True])]))
    # A perfect curve is floored at 1e-10, since 0 has no logarithm.
    assert result.miss_rate == pytest.approx(1e-10)
    assert (result.num_valid, result.num_ignored, result.num_absorbed) == (1, 1, 2)


def test_an_overlap_of_exactly_one_half_is_enough():
    frame = make_frame([(0, 0, 40, 100)], [(0, 0, 40, 50)], [0.9])
    assert miss_rate(*to_types([frame]), subset=EVERYONE).miss.tolist() == [0.0]
    region = make_frame([(0, 0, 40, 100), (100, 0, 140, 100)], [(120, 0, 160, 100)], [0.9], ignore=[False, True])
    assert miss_rate(*to_types([region])).num_absorbed == 1


def test_nothing_found_misses_everything_and_images_without_truth_count():
    assert miss_rate(*to_types([make_frame([(0, 0, 40, 100)])])).miss_rate == 1.0
    one, many = (miss_rate(*to_types(make_outcomes(T1, images=images))) for images in (10, 40))
    assert many.fppi[-1] == one.fppi[-1] / 4
    assert many.miss_rate < one.miss_rate


def test_before_the_first_reached_reference_the_miss_rate_is_one():
    # One false positive on ten images: .1 false positives an image, four references are below it.
    assert log_average_miss_rate(np.array([0.1, 0.1]), np.array([1.0, 0.5])) == pytest.approx(0.5 ** (5 / 9))
    assert log_average_miss_rate(np.zeros(0), np.zeros(0)) == 1.0


def test_equal_scores_keep_the_order_of_the_images():
    curve = miss_rate_curve(np.array([0, 1, -1, 1]), np.array([0.5, 0.5, 0.5, 0.7]), num_images=2, num_valid=4)
    assert [column.tolist() for column in curve] == [[0, 0.5, 0.5], [0.75, 0.75, 0.5], [0.7, 0.5, 0.5]]


def test_detections_outside_the_widened_range_and_beyond_1000_take_no_part():
    heights = np.array([39.999, 40.0, 93.749, 93.75])
    found = Detections(
        np.stack([0 * heights, 0 * heights, 0 * heights + 9, heights], 1), np.array([0.1, 0.2, 0.3, 0.4])
    )
    kept, dropped = kept_detections(found, SUBSETS["small"])
    assert (kept.tolist(), dropped) == ([2, 1], (2, 0))
    kept, dropped = kept_detections(found, SUBSETS["small"], np.full(4, 60.0))
    assert (kept.tolist(), dropped) == ([3, 2, 1, 0], (0, 0))
    many = Detections(np.tile([0.0, 0, 20, 60], (1500, 1)), np.linspace(0, 1, 1500))
    kept, dropped = kept_detections(many, SUBSETS["small"])
    assert (len(kept), kept[0], dropped) == (1000, 1499, (0, 500))


def test_thousands_of_boxes_boxes_outside_and_boxes_without_area():
    rng = np.random.default_rng(0)
    corners = rng.integers(-500, 3000, (4000, 2)).astype(float)
    boxes = np.concatenate([corners, corners + np.array([20, 60])], axis=1)
    boxes[::50, 2] = boxes[::50, 0]
    result = miss_rate(*to_types([make_frame(boxes, boxes[:2000], rng.random(2000))]))
    assert result.num_surplus == 1000
    assert 0.7 < result.miss[-1] < 0.8
    tiny = make_frame([(0, 0, 1, 1), (0, 0, 0, 0)], [(0, 0, 1, 1), (0, 0, 0, 0)], [0.9, 0.8])
    assert miss_rate(*to_types([tiny]), subset=EVERYONE).miss[-1] == 0.5


def test_a_subset_without_a_box_is_an_error_that_names_it():
    with pytest.raises(DataError, match=r"none of the 1 boxes counts in the subset large: height \[100, inf\)"):
        miss_rate(*to_types([make_frame([(0, 0, 9, 99)])]), subset=SUBSETS["large"])


def test_bounds_are_inclusive_even_for_readers_that_store_float32():
    boxes = np.array([[0.1, 0.1, 20.3, 50.1], [0.3, 33.3, 30, 83.3]], np.float32)
    ratio = np.array([0.65, 0.9], np.float32)
    annotations = FrameBoxes(boxes, boxes, ratio, np.zeros(2, bool), np.full(2, -1), ("person", "person"))
    truth = frame_truth(annotations, size=(100, 100))
    assert not SUBSETS["reasonable"].ignored(truth).any()
    assert SUBSETS["bare"].ignored(truth).tolist() == [True, False]
    assert SUBSETS["partial"].ignored(truth).tolist() == [False, False]
    assert SUBSETS["heavy_csp"].ignored(truth).tolist() == [False, True]


def test_both_ends_of_both_ranges_count():
    heights, visible = (49.99, 50, 75, 75.01, 60, 60, 60, 60), (1, 1, 1, 1, 0.19, 0.2, 0.65, 0.66)
    boxes = [(0, 0, 20, height) for height in heights]
    truth, _ = to_types([make_frame(boxes, heights=heights, visible=visible)])
    assert SUBSETS["small"].ignored(truth[0]).tolist() == [True, False, False, True, True, True, False, False]
    heavy = SUBSETS["heavy_citypersons"].ignored(truth[0])
    assert heavy.tolist() == [True, True, True, True, True, False, False, True]


def test_subset_names_take_hyphens_and_heavy_is_citypersons_own():
    assert find_subset("EuroCity-Small") is SUBSETS["eurocity_small"]
    assert find_subset("heavy") is SUBSETS["heavy_citypersons"]
    assert SUBSETS["heavy_citypersons"].visible == (0.2, 0.65)
    assert SUBSETS["heavy_csp"].visible == (0.0, 0.65)
    assert "heavy_csp" in str(SUBSETS["heavy_citypersons"])
    assert SUBSETS["kaist_reasonable"].height == (55, math.inf)
    with pytest.raises(DataError, match="a subset called 'tall'"):
        find_subset("tall")


def test_caltech_widens_who_counts_and_ignores_who_touches_the_border():
    boxes = [(10, 20, 60, 120), (4, 20, 44, 120), (100, 20, 140, 60), (200, 20, 240, 475), (200, 20, 240, 476)]
    truth, _ = to_types([make_frame(boxes)])
    prepared = prepare_caltech(truth[0], SUBSETS["reasonable"])
    np.testing.assert_allclose(prepared.boxes[0], (14.5, 20, 55.5, 120))
    np.testing.assert_allclose(prepared.boxes[3], (220 - 0.41 * 455 / 2, 20, 220 + 0.41 * 455 / 2, 475))
    assert prepared.boxes[[1, 2, 4]].tolist() == truth[0].boxes[[1, 2, 4]].tolist()
    assert prepared.ignore.tolist() == [False, True, False, False, True]
    narrow, _ = to_types([make_frame([(10, 20, 60, 120)])])
    # The rule's golden number: 100 high around x = 35 is 41 wide.
    assert np.ptp(prepare_caltech(narrow[0], SUBSETS["reasonable"]).boxes[0, [0, 2]]) == pytest.approx(41)


def test_the_thin_curve_reads_as_the_whole_one_at_the_references():
    rng = np.random.default_rng(1)
    hits = rng.random(20000) < np.linspace(0.95, 0.05, 20000)
    fppi, miss, _ = miss_rate_curve(hits.astype(int), np.linspace(1, 0, 20000), num_images=500, num_valid=12000)
    rates, misses = thin_curve(fppi, miss)
    assert len(rates) <= 210
    assert rates[0] == 1e-3
    assert (np.diff(rates) > 0).all()
    assert (np.diff(misses) <= 0).all()
    assert log_average_miss_rate(rates, misses) == pytest.approx(log_average_miss_rate(fppi, miss))
    assert (rates[-1], misses[-1]) == (fppi[-1], miss[-1])


def test_the_thin_curve_of_nothing_is_one_point():
    rates, misses = thin_curve(np.zeros(0), np.zeros(0))
    assert (rates.tolist(), misses.tolist()) == ([1e-3], [1.0])
    assert pytest.approx([10 ** (power / 4 - 2) for power in range(9)]) == CALTECH_FPPI
