import numpy as np
import pytest

from pipeline.detection_types import Detections
from pipeline.metrics.detection.miss_rate import miss_rate
from pipeline.metrics.detection.subsets import find_subset
from pipeline.metrics.detection.truth import FrameTruth, box_heights
from stages.evaluate_detector import _drawing_score, _outcome


def make_frames(seed: int, count: int) -> tuple[list[FrameTruth], list[Detections]]:
    rng = np.random.default_rng(seed)
    truth, found = [], []
    for _ in range(count):
        corner, size = rng.uniform(0, 300, (5, 2)), rng.uniform((15, 15), (60, 120), (5, 2))
        boxes = np.concatenate([corner, corner + size], axis=1)
        truth.append(FrameTruth(boxes, box_heights(boxes), rng.uniform(0.1, 1, 5), rng.random(5) < 0.2))
        guesses = np.concatenate([boxes + rng.normal(0, 3, (5, 4)), boxes[:2] + 150]).astype(np.float32)
        order = np.argsort(-(scores := rng.random(7).astype(np.float32)))
        found.append(Detections(guesses[order], scores[order]))
    return truth, found


@pytest.mark.parametrize(("seed", "count"), [(0, 40), (1, 40), (2, 3), (3, 1)])
def test_drawn_boxes_are_those_that_the_miss_rate_counts(seed, count):
    truth, found = make_frames(seed, count)
    counted = miss_rate(truth, found, subset=find_subset("all"))
    drawn = [_outcome(*pair, counted) for pair in zip(truth, found, strict=True)]
    last = int((counted.scores >= _drawing_score(counted)).sum())
    false, missed = sum(len(one.false) for one in drawn), sum(len(one.missed) for one in drawn)
    assert false / count <= max(0.1, 1 / count)
    assert false / count == pytest.approx(counted.fppi[last - 1] if last else 0)
    assert missed / counted.num_valid == pytest.approx(counted.miss[last - 1] if last else 1)
    assert sum(len(one.regions) for one in drawn) == counted.num_ignored
    assert all(len(one.found) + len(one.missed) + len(one.regions) == 5 for one in drawn)


def test_detector_that_finds_nothing_is_drawn_as_missing_everybody():
    truth, _ = make_frames(0, 2)
    nothing = [Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))] * 2
    counted = miss_rate(truth, nothing, subset=find_subset("all"))
    assert _drawing_score(counted) == 1.0
    assert sum(len(_outcome(t, n, counted).missed) for t, n in zip(truth, nothing, strict=True)) == counted.num_valid
