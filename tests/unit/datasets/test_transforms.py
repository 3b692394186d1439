"""Augmentations: a pure function of image and seed."""

import pickle

import numpy as np
import pytest

from datasets.transforms import PRESETS, build_transform
from pipeline.errors import ConfigError
from tests.unit.datasets.crops import make_pixels

_IMAGE = make_pixels(height=64, width=32)


@pytest.mark.parametrize("preset", PRESETS)
def test_same_seed_same_image_in_any_order_and_after_pickling(preset):
    augment = build_transform(preset, size=(64, 32))
    forward = [augment(_IMAGE, seed) for seed in range(8)]
    copy = pickle.loads(pickle.dumps(augment))
    for seed in reversed(range(8)):
        assert np.array_equal(copy(_IMAGE, seed), forward[seed])
        assert forward[seed].shape == _IMAGE.shape
        assert forward[seed].dtype == np.uint8


@pytest.mark.parametrize("preset", [p for p in PRESETS if p != "none"])
def test_seeds_differ_and_the_image_stays(preset):
    before = _IMAGE.copy()
    augment = build_transform(preset, size=(64, 32))
    assert len({augment(_IMAGE, seed).tobytes() for seed in range(20)}) > 10
    assert np.array_equal(_IMAGE, before)


def test_none_changes_nothing():
    assert np.array_equal(build_transform("none", size=(64, 32))(_IMAGE, 3), _IMAGE)


def test_read_only_images_and_large_seeds_are_fine():
    image = _IMAGE.copy()
    image.flags.writeable = False
    for preset in PRESETS:
        assert build_transform(preset, size=(64, 32))(image, 2**64 - 1).shape == image.shape


def test_flip_and_erasing_are_drawn_independently():
    augment = build_transform("none", size=(64, 32), erasing=0.5)
    shifted = build_transform("weak", size=(64, 32), erasing=0.5)
    assert 60 < sum(not np.array_equal(augment(_IMAGE, s), _IMAGE) for s in range(200)) < 140
    image = np.full((64, 32, 3), 200, np.uint8)
    image[:, :16] = 250
    outcomes = {
        (bool(crop[32, 4, 0] < crop[32, 28, 0]), bool((crop == 124).any(axis=(0, 1))[0]))
        for crop in (shifted(image, seed) for seed in range(60))
    }
    assert len(outcomes) == 4


def test_erasing_and_colour_follow_their_arguments():
    flat = np.full((64, 32, 3), 90, np.uint8)
    always = build_transform("none", size=(64, 32), erasing=1.0)
    assert all((always(flat, seed) != flat).any() for seed in range(10))
    plain = build_transform("reid", size=(64, 32), erasing=0.0, colour=0.0)
    assert {int(v) for seed in range(20) for v in np.unique(plain(flat, seed))} == {0, 90}


@pytest.mark.parametrize(
    "arguments", [{"preset": "wild"}, {"preset": "reid", "erasing": 1.5}, {"preset": "reid", "colour": -1}]
)
def test_wrong_arguments_are_refused(arguments):
    with pytest.raises(ConfigError):
        build_transform(**arguments, size=(64, 32))
