"""Boxes through scaling, cropping and flipping, and the choice of what trains."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.box_rows import BoxRow, build_boxes
from datasets.frame_boxes import Geometry, box_targets, limit_outside, scale_annotations
from tests.references.frame_targets import choose
from tests.unit.datasets.frames import make_boxes

_CORNER = st.integers(-200, 300).map(lambda n: n / 4)
_SIDE = st.integers(1, 400).map(lambda n: n / 4)
_BOX = st.tuples(_CORNER, _CORNER, _SIDE, _SIDE).map(lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3]))
_ROW = st.builds(BoxRow, _BOX, st.none() | _BOX, st.none() | st.floats(0, 1, width=32), st.booleans())


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        ((5, 5, 5, 9), "box without area"),
        ((5, 5, 4, 9), "box without area"),
        ((5, 5, float("nan"), 9), "box without area"),
        ((5, 5, float("inf"), 9), "box without area"),
        ((-9, 0, 0, 9), "box outside its frame"),
        ((64, 0, 70, 9), "box outside its frame"),
        ((0, 48, 9, 50), "box outside its frame"),
    ],
)
def test_useless_boxes_are_dropped_with_a_count(box, reason):
    counts = Counter()
    boxes = build_boxes([BoxRow(box), BoxRow((-5, -5, 70, 60))], (48, 64), skipped=counts)
    assert boxes.boxes.tolist() == [[-5, -5, 70, 60]]
    assert counts == {reason: 1}


@pytest.mark.parametrize(
    ("row", "ratio"),
    [
        (BoxRow((0, 0, 10, 20)), 1.0),
        (BoxRow((0, 0, 10, 20), (0, 0, 10, 5)), 0.25),
        (BoxRow((0, 0, 10, 20), (0, 0, 10, 5), 0.8), 0.8),
        (BoxRow((0, 0, 10, 20), (0, 0, 0, 0)), 0.0),
        (BoxRow((0, 0, 10, 20), (-5, 0, 20, 20)), 1.0),
        (BoxRow((0, 0, 10, 20), (float("nan"), 0, 1, 1)), 1.0),
        (BoxRow((0, 0, 10, 20), None, float("nan")), 1.0),
    ],
)
def test_visible_ratio(row, ratio):
    assert make_boxes(row).visible_ratio.tolist() == [np.float32(ratio)]


def test_no_boxes_stay_no_boxes():
    empty = make_boxes()
    assert empty.boxes.shape == empty.visible.shape == (0, 4)
    targets = box_targets(Geometry((0, 0, 4, 4), (8, 8), True).annotations(empty), (8, 8), min_height=3)
    assert (targets.boxes.shape, targets.weights.shape, targets.ignored.shape) == ((0, 4), (0,), (0, 4))


@given(st.lists(_ROW, max_size=8), st.integers(0, 40), st.sampled_from([0.0, 0.3, 0.7]))
def test_choice_equals_the_loops(rows, min_height, min_visible):
    boxes = make_boxes(*rows)
    columns = (boxes.boxes, boxes.visible, boxes.visible_ratio, boxes.ignore)
    listed = list(zip(*(column.tolist() for column in columns), strict=True))
    people, regions = choose(listed, (48, 64), min_height, min_visible)
    targets = box_targets(boxes, (48, 64), min_height=min_height, min_visible=min_visible)
    assert np.allclose(targets.boxes.numpy(), np.reshape(people, (-1, 4)), atol=1e-4)
    assert np.allclose(targets.ignored.numpy(), np.reshape(regions, (-1, 4)), atol=1e-4)


def test_golden_limits():
    boxes = np.array([[-5, 0, 5, 10], [-20, 0, 5, 10], [60, -10, 84, 100], [1, 1, 2, 2]], np.float32)
    limited = limit_outside(boxes, (48, 64))
    expected = [[-5, 0, 5, 10], [-5, 0, 5, 10], [60, -10 * 48 / 62, 68, 48 + 52 * 48 / 62]]
    assert np.allclose(limited[:3], expected, atol=1e-4)
    assert limited[3].tolist() == [1, 1, 2, 2]


@pytest.mark.parametrize("is_flipped", [False, True])
@pytest.mark.parametrize("window", [(0, 0, 48, 64), (8, 16, 24, 32), (4, 4, 40, 20)])
def test_a_box_stays_on_its_pixels(window, is_flipped):
    image = np.zeros((48, 64, 3), np.uint8)
    image[12:24, 20:24] = 255
    geometry = Geometry(window, (window[2] * 2, window[3] * 2), is_flipped)
    moved = geometry.pixels(image)
    x1, y1, x2, y2 = geometry.boxes(np.array([[20, 12, 24, 24]], np.float32))[0].tolist()
    rows, columns = np.nonzero(moved[:, :, 0] > 127)
    assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) == (x1, y1, x2, y2)


@given(st.lists(_BOX, min_size=1, max_size=5), st.integers(1, 40), st.booleans())
def test_geometry_can_be_undone(boxes, left, is_flipped):
    array = np.array(boxes, np.float32)
    moved = Geometry((0, left, 20, 20), (40, 40), is_flipped).boxes(array)
    if is_flipped:
        moved = moved[:, [2, 1, 0, 3]] * [-1, 1, -1, 1] + [40, 0, 40, 0]
    assert np.allclose(moved / 2 + [left, 0, left, 0], array, atol=1e-3)


def test_thousands_of_boxes():
    generator = np.random.default_rng(0)
    corners = generator.uniform(-20, 60, (5000, 2))
    rows = [BoxRow((x, y, x + 5, y + 9)) for x, y in corners.tolist()]
    boxes = make_boxes(*rows)
    assert len(scale_annotations(boxes, 2.0)) == len(boxes) > 2000
    targets = box_targets(boxes, (48, 64), min_visible=0.5)
    assert len(targets.boxes) + len(targets.ignored) == len(boxes)
