"""What makes a crop worth keeping: sharp, whole, not hidden; and which few of many differ most."""

import cv2
import numpy as np
import pytest

from pipeline.tracking.diversity import describe, distances, farthest_points, most_redundant
from pipeline.tracking.quality import are_cut, cut_out, hidden_shares, sharpness
from tests.references.tracking import loop_farthest, loop_hidden
from tests.unit.tracking.test_association import make_boxes


def make_crop(seed=0, height=80, width=32):
    rng = np.random.default_rng(seed)
    return cv2.resize(
        rng.integers(0, 256, (20, 8, 3), dtype=np.uint8), (width, height), interpolation=cv2.INTER_NEAREST
    )


def test_blur_lowers_sharpness_and_brightness_does_not_change_it():
    crop = make_crop() // 2
    values = [sharpness(cv2.GaussianBlur(crop, (0, 0), sigma)) for sigma in (0.5, 1.0, 2.0, 4.0)]
    assert values == sorted(values, reverse=True)
    assert sharpness(crop + 60) == pytest.approx(sharpness(crop), rel=0.01)
    assert sharpness(np.full((7, 3, 3), 90, np.uint8)) == 0.0


def test_golden_sharpness_of_a_checkerboard():
    board = np.indices((128, 64)).sum(axis=0) % 2 * 10
    # Each inner pixel differs from its four neighbours by 10, so the Laplacian is +-40, at the mirrored borders too.
    assert sharpness(np.repeat(board[:, :, None], 3, axis=2).astype(np.uint8)) == pytest.approx(1600.0)


def test_hidden_shares_equal_a_loop():
    for seed in range(3):
        boxes = make_boxes(8, seed)
        np.testing.assert_allclose(hidden_shares(boxes), loop_hidden(boxes.tolist()), rtol=1e-6)


def test_hidden_golden():
    boxes = np.array([[0, 0, 10, 20], [5, 0, 15, 21], [100, 0, 110, 20]])
    np.testing.assert_allclose(hidden_shares(boxes), [0.5, 0.0, 0.0])
    assert hidden_shares(np.zeros((0, 4))).shape == (0,)


def test_boxes_at_the_border():
    boxes = np.array([[5, 5, 20, 50], [0.5, 5, 20, 50], [5, -3, 20, 50], [5, 5, 99.5, 50], [5, 5, 20, 70]])
    assert are_cut(boxes, (64, 100), 1.0).tolist() == [False, True, True, True, True]


def test_cutting_out_rounds_and_clips():
    image = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)
    np.testing.assert_array_equal(cut_out(image, np.array([1.4, 0.6, 3.6, 9.0])), image[1:6, 1:4])
    assert cut_out(image, np.array([9.0, 0, 12.0, 5.0])).size == 0
    pixels = cut_out(image, np.array([0.0, 0.0, 2.0, 2.0]))
    image[:] = 0
    assert pixels.any()


def test_descriptors_measure_differences():
    assert describe(make_crop()).shape == (96,)
    white, black = (np.full((20, 9, 3), value, np.uint8) for value in (255, 0))
    assert distances(describe(white)[None], describe(black)[None])[0, 0] == pytest.approx(1.0)
    assert distances(describe(make_crop(1))[None], describe(make_crop(1))[None])[0, 0] == 0


@pytest.mark.parametrize("number", [1, 4, 20])
def test_farthest_points_equal_a_loop(number):
    points = np.random.default_rng(3).integers(0, 9, (12, 2)).astype(np.float64)
    assert farthest_points(points, number, 5) == loop_farthest(points.tolist(), number, 5)


def test_farthest_points_golden_and_equal_points():
    line = np.array([[0.0], [1.0], [2.0], [10.0]])
    assert farthest_points(line, 3, 0) == [0, 3, 2]
    assert farthest_points(np.zeros((3, 2)), 3, 1) == [1, 0, 2]


def test_the_most_redundant_is_one_of_the_closest_pair():
    assert most_redundant(np.array([[0.0], [4.0], [5.0], [7.0]])) == 2
    assert most_redundant(np.array([[0.0], [4.0], [5.0], [20.0]])) == 1
    assert most_redundant(np.array([[0.0], [1.0]])) == 1
