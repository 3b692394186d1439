"""The label-free judgement of a detector."""

import numpy as np
import pytest

from pipeline.detection_types import Detections
from pipeline.training.detection.selection import judge, soft_agreement
from tests.references import detection_training as slow


def make_detections(seed, *, count=6):
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, 60, (count, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(15, 40, (count, 2))], axis=1).astype(np.float32)
    return Detections(boxes, np.sort(rng.uniform(0.05, 0.95, count))[::-1].astype(np.float32))


def shaken(found, seed):
    rng = np.random.default_rng(seed)
    return Detections(found.boxes + rng.normal(0, 3, found.boxes.shape).astype(np.float32), found.scores)


@pytest.mark.parametrize("seed", range(8))
def test_agreement_equals_the_slow_twin(seed):
    first = [make_detections(seed), make_detections(seed + 100, count=seed)]
    second = [shaken(first[0], seed), make_detections(seed + 200)]
    plain = [[(d.boxes.tolist(), d.scores.tolist()) for d in side] for side in (first, second)]
    assert soft_agreement(first, second) == pytest.approx(slow.soft_agreement(*plain), abs=1e-5)


def test_golden_number():
    one = Detections(np.array([[0, 0, 10, 10], [50, 0, 60, 10]], np.float32), np.array([0.81, 0.4], np.float32))
    other = Detections(np.array([[0, 0, 10, 8]], np.float32), np.array([0.64], np.float32))
    # IoU .8, root .72, both lists weigh 1.85 together: 2 * .8 * .72 / 1.85.
    assert soft_agreement([one], [other]) == pytest.approx(0.622703, abs=1e-6)


def test_equal_lists_agree_fully_and_foreign_ones_not_at_all():
    found = [make_detections(1)]
    far = [Detections(found[0].boxes + 1000, found[0].scores)]
    nothing = [make_detections(1, count=0)]
    alone = [Detections(found[0].boxes[:1], found[0].scores[:1])]
    assert soft_agreement(alone, alone) == pytest.approx(1.0)
    assert soft_agreement(found, far) == 0.0
    assert soft_agreement(nothing, nothing) == 0.0
    assert soft_agreement(found, nothing) == 0.0


def test_a_detector_that_finds_nobody_is_never_the_best():
    nothing, found = [make_detections(1, count=0)], [make_detections(1)]
    assert judge(nothing, nothing, found)["selection"] == 0.0
    assert judge(found, found, found)["selection"] > 0.5
    assert judge(nothing, nothing, found)["boxes_a_frame"] == 0.0
