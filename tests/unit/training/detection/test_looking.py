"""Looking at frames in several sizes: boxes come back in the frame's pixels, and parts of people give way to people."""

import numpy as np
import pytest
import torch

from pipeline.detection_types import Detections
from pipeline.training.detection.found import from_tensors, to_tensors
from pipeline.training.detection.looking import detect_resized, merge_looks
from tests.references import detection_training as reference


class Squares:
    """Finds the bounds of what is bright, in the pixels that it is shown."""

    def __init__(self):
        self.shapes, self.sizes = [], []

    def detect(self, images, sizes, **limits):
        self.shapes.append(tuple(images.shape[-2:]))
        self.sizes.append(sizes.tolist())
        found = []
        for image in images:
            rows, columns = torch.nonzero(image[0].float() > 128, as_tuple=True)
            box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            found.append(Detections(np.array([box], np.float32), np.ones(1, np.float32)))
        return found


@pytest.mark.parametrize(("factor", "shape"), [(1.0, (40, 60)), (2.0, (80, 120)), (0.5, (20, 30)), (1.25, (50, 75))])
def test_boxes_come_back_in_the_pixels_of_the_frame(factor, shape):
    images = torch.zeros((2, 3, 40, 60), dtype=torch.uint8)
    images[0, :, 8:24, 12:20] = images[1, :, 4:12, 40:56] = 255
    model, sizes = Squares(), torch.tensor([[40, 60], [32, 60]])
    found = detect_resized(model, images, sizes, factor=factor, score_threshold=0.1)
    assert model.shapes == [shape]
    assert model.sizes == [[[round(h * factor), round(w * factor)] for h, w in sizes.tolist()]]
    for one, box in zip(found, ([12, 8, 20, 24], [40, 4, 56, 12]), strict=True):
        assert one.boxes[0] == pytest.approx(box, abs=1.0 / factor)


def make_looks(seed, count=12):
    rng = np.random.default_rng(seed)
    looks = []
    for size in (30, 15):
        corner = rng.uniform(0, 60, (count, 2))
        boxes = np.concatenate([corner, corner + rng.uniform(0.5, 1.5, (count, 2)) * size], axis=1)
        looks.append(Detections(boxes.astype(np.float32), np.sort(rng.random(count))[::-1].astype(np.float32)))
    return looks


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("most", [5, 100])
def test_merging_equals_the_loops(seed, most):
    looks = make_looks(seed)
    made = merge_looks(looks, most=most)
    rows = [(box.tolist(), float(score)) for look in looks for box, score in zip(look.boxes, look.scores, strict=True)]
    expected = reference.merge_looks(rows, most=most)
    assert made.boxes.tolist() == [box for box, _ in expected]
    assert made.scores.tolist() == [score for _, score in expected]


def test_a_leg_gives_way_and_somebody_far_away_stays():
    person, leg, far = [10, 10, 30, 60], [12, 40, 20, 60], [50, 10, 56, 24]
    near = Detections(np.array([person], np.float32), np.array([0.8], np.float32))
    enlarged = Detections(np.array([leg, far, person], np.float32), np.array([0.9, 0.7, 0.6], np.float32))
    made = merge_looks([near, enlarged])
    assert made.boxes.tolist() == [person, far]
    assert made.scores == pytest.approx([0.8, 0.7])
    # Of a box that nobody is sure of nothing is a part.
    unsure = Detections(near.boxes, np.array([0.5], np.float32))
    assert leg in merge_looks([unsure, Detections(enlarged.boxes[:2], enlarged.scores[:2])]).boxes.tolist()


def test_looks_without_boxes():
    nobody = Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))
    assert len(merge_looks([nobody, nobody])) == len(merge_looks([])) == 0
    one = make_looks(0)[0]
    alone = merge_looks([nobody, one])
    assert alone.boxes.tolist() == merge_looks([one]).boxes.tolist()


def test_a_resume_point_gives_back_what_was_found():
    nobody = Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))
    found = [*make_looks(1), nobody, *make_looks(2, 3)]
    again = from_tensors(to_tensors(found))
    assert [one.boxes.tolist() for one in again] == [one.boxes.tolist() for one in found]
    assert [one.scores.tolist() for one in again] == [one.scores.tolist() for one in found]
    assert from_tensors(to_tensors(None)) is None
    assert [len(one) for one in from_tensors(to_tensors([nobody, nobody]))] == [0, 0]
