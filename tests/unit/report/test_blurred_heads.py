"""Heads in reports: nothing of a face is left, clothes are, and the order of the boxes does not matter."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from pipeline.report.blurred_heads import CELLS, blurred_heads, blurred_thumbnail
from pipeline.report.strips import encode_thumbnail


def make_noise(height=128, width=64, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def detail(part):
    """Return the mean step between neighbouring pixels."""
    return float(np.abs(np.diff(part.astype(np.float64), axis=1)).mean())


def test_the_upper_part_of_a_crop_loses_its_detail_and_the_rest_stays_bit_for_bit():
    crop = make_noise()
    shown = blurred_heads(crop)
    assert detail(crop[:38]) > 50 > 5 > detail(shown[:38])
    np.testing.assert_array_equal(shown[39:], crop[39:])
    np.testing.assert_array_equal(crop, make_noise())


def test_golden_rows():
    # A quarter of 80 is 20; 0.6 of the width 20 is less.
    boxes = np.array([[30.0, 10.0, 50.0, 90.0]])
    image = make_noise(100, 100)
    changed = np.argwhere((blurred_heads(image, boxes) != image).any(axis=2))
    assert changed.min(axis=0).tolist() == [5, 29]
    assert changed.max(axis=0).tolist() == [29, 50]


def test_of_an_upper_body_the_head_is_told_by_the_width():
    image = make_noise(100, 100)
    changed = np.argwhere((blurred_heads(image, np.array([[20.0, 10.0, 70.0, 60.0]])) != image).any(axis=2))
    assert changed[:, 0].max() == 39


def test_a_head_has_few_colours_however_large_it_is():
    for scale in (1, 4, 10):
        crop = make_noise(64 * scale, 32 * scale)
        head = blurred_heads(crop)[: 16 * scale]
        small = np.asarray(Image.fromarray(head).resize(CELLS, Image.Resampling.BOX).resize(head.shape[1::-1]))
        assert np.abs(head.astype(float) - small).mean() < 12


def test_a_face_cannot_be_told_from_another():
    crop = np.full((128, 64, 3), 120, np.uint8)
    faces = [crop.copy(), crop.copy()]
    for face, eyes in zip(faces, ((26, 36), (24, 38)), strict=True):
        face[4:24, 20:44] = (200, 160, 140)
        for eye in eyes:
            face[10:13, eye : eye + 3] = 0
    before, after = (np.abs(np.subtract(*(np.asarray(f, float) for f in pair))).max() for pair in (
        faces, [blurred_heads(face) for face in faces],
    ))  # fmt: skip
    assert before == 200
    assert after < 16


def test_boxes_in_any_order_give_the_same_picture():
    image, rng = make_noise(120, 160), np.random.default_rng(3)
    corners = rng.uniform(-20, 120, (12, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(1, 60, (12, 2))], axis=1)
    np.testing.assert_array_equal(blurred_heads(image, boxes), blurred_heads(image, boxes[::-1]))
    np.testing.assert_array_equal(blurred_heads(image, boxes), blurred_heads(image, np.repeat(boxes, 2, axis=0)))


@pytest.mark.parametrize(
    "boxes",
    [
        np.zeros((0, 4)), [[5, 5, 5, 5]], [[200, 5, 300, 50]], [[5, -90, 20, -40]], [[30, 40, 10, 20]],
        [[0, 0, 0.2, 0.2]],
    ],
)  # fmt: skip
def test_without_anybody_in_sight_a_frame_stays_as_it_is(boxes):
    image = make_noise(60, 80)
    np.testing.assert_array_equal(blurred_heads(image, np.array(boxes, np.float64)), image)


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (3, 9), (9, 3)])
def test_tiny_crops_are_painted_too(size):
    crop = make_noise(*size)
    assert blurred_heads(crop).shape == crop.shape


def test_a_thumbnail_is_blurred_as_its_picture():
    crop = make_noise()
    encoded = encode_thumbnail(crop, height=128)
    for text in (encoded, f"data:image/jpeg;base64,{encoded}"):
        shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(blurred_thumbnail(text)))))
        assert shown.shape == crop.shape
        assert detail(shown[:36]) < 8 < 40 < detail(shown[44:])
    assert blurred_thumbnail(encoded) == blurred_thumbnail(encoded)
    left_half = blurred_thumbnail(encoded, np.array([[0.0, 0.0, 0.5, 1.0]]))
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(left_half))))
    assert detail(shown[:28, :28]) < 8 < 40 < detail(shown[:28, 36:])


@pytest.mark.parametrize("text", ["", "hello", None, 7, base64.b64encode(b"no picture").decode(), "=="])
def test_what_is_no_picture_shows_nothing(text):
    assert blurred_thumbnail(text) == ""
