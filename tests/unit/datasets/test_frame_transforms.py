"""Frame augmentations: a pure function of frame and seed; boxes stay on their pixels."""

import pickle

import numpy as np
import pytest

from datasets.frame_transforms import FRAME_PRESETS, build_frame_transform
from pipeline.errors import ConfigError
from tests.unit.datasets.crops import make_pixels

_IMAGE = make_pixels(height=48, width=64)


@pytest.mark.parametrize("preset", FRAME_PRESETS)
def test_same_seed_same_frame_in_any_order_and_after_pickling(preset):
    augment = build_frame_transform(preset)
    copy = pickle.loads(pickle.dumps(augment))

    def change(transform, seed):
        geometry = transform.geometry((48, 64), seed)
        return transform.photometric(np.ascontiguousarray(geometry.pixels(_IMAGE)), seed)

    forward = [change(augment, seed) for seed in range(8)]
    for seed in reversed(range(8)):
        assert np.array_equal(change(copy, seed), forward[seed])


@pytest.mark.parametrize("preset", ["standard", "strong"])
def test_windows_lie_inside_and_scales_spread(preset):
    augment = build_frame_transform(preset)
    factors, flips = [], 0
    for seed in range(300):
        geometry = augment.geometry((480, 640), seed)
        top, left, height, width = geometry.window
        assert 0 <= top <= 480 - height
        assert 0 <= left <= 640 - width
        assert geometry.size[0] <= 480
        assert geometry.size[1] <= 640
        assert height / width == pytest.approx(0.75, abs=0.01)
        factors.append(geometry.size[0] / height)
        flips += geometry.is_flipped
    assert 0.59 < min(factors) < 0.65
    assert 1.5 < max(factors) < 1.61
    assert 110 < flips < 190


def test_weak_only_flips():
    for seed in range(20):
        geometry = build_frame_transform("weak").geometry((5, 7), seed)
        assert (geometry.window, geometry.size) == ((0, 0, 5, 7), (5, 7))
    assert build_frame_transform("none").geometry((5, 7), 3).is_flipped is False


def test_box_stays_on_its_pixels():
    image = np.zeros((480, 640, 3), np.uint8)
    image[200:280, 300:340] = 255
    augment = build_frame_transform("standard")
    seen = 0
    for seed in range(60):
        geometry = augment.geometry((480, 640), seed)
        moved = geometry.pixels(image)
        assert moved.shape[:2] == geometry.size
        rows, columns = np.nonzero(moved[:, :, 0] > 127)
        x1, y1, x2, y2 = geometry.boxes(np.array([[300, 200, 340, 280]], np.float32))[0]
        if min(x1, y1) < 0 or x2 > moved.shape[1] or y2 > moved.shape[0]:
            continue
        seen += 1
        found = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert np.abs(np.array(found) - (x1, y1, x2, y2)).max() <= 1
    assert seen > 30


def test_one_pixel_and_large_seeds():
    for preset in FRAME_PRESETS:
        augment = build_frame_transform(preset)
        geometry = augment.geometry((1, 1), 2**64 - 1)
        pixels = geometry.pixels(np.zeros((1, 1, 3), np.uint8))
        assert augment.photometric(np.ascontiguousarray(pixels), 2**64 - 1).shape == (1, 1, 3)


def test_scales_can_be_set():
    augment = build_frame_transform("standard", scales=(1.0, 1.0))
    assert augment.geometry((480, 640), 3).window == (0, 0, 480, 640)


@pytest.mark.parametrize(
    "arguments",
    [{"preset": "wild"}, {"preset": "weak", "scales": (2.0, 1.0)}, {"preset": "weak", "scales": (0.0, 1.0)}],
)
def test_wrong_arguments_are_refused(arguments):
    with pytest.raises(ConfigError):
        build_frame_transform(**arguments)


def test_two_augmentations_do_not_disturb_each_other():
    image = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    first = build_frame_transform("strong")
    before = [first.photometric(image, seed) for seed in range(8)]
    build_frame_transform("strong").photometric(image, 99)
    assert all(np.array_equal(first.photometric(image, seed), before[seed]) for seed in range(8))
