"""Augmentation policies: what they do is drawn from the seed alone, and is what was published."""

import pickle
import random

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import transforms as published

from datasets.policies import POLICIES, build_policy
from datasets.policy_ops import OPERATIONS, RAND_AUGMENT, REID_REACH
from datasets.transforms import build_transform
from pipeline.errors import ConfigError
from tests.unit.datasets.crops import make_pixels

IMAGE = make_pixels(height=64, width=32)
RANDOM = ("randaugment", "randaugment_reid")


@pytest.mark.parametrize("policy", POLICIES)
def test_same_seed_same_image_in_any_order_and_after_pickling(policy):
    augment = build_transform("weak", size=(64, 32), policy=policy)
    forward = [augment(IMAGE, seed) for seed in range(12)]
    copy = pickle.loads(pickle.dumps(augment))
    for seed in reversed(range(12)):
        assert np.array_equal(copy(IMAGE, seed), forward[seed])
        assert (forward[seed].shape, forward[seed].dtype) == (IMAGE.shape, np.uint8)
    assert len({image.tobytes() for image in forward}) > 6


@pytest.mark.parametrize("policy", POLICIES)
def test_nothing_global_is_drawn_from(policy):
    augment = build_transform("none", size=(64, 32), policy=policy)
    torch.manual_seed(1)
    random.seed(1)
    before = (torch.get_rng_state(), random.getstate())
    augment(IMAGE, 5)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]


def test_without_a_policy_nothing_has_changed():
    plain, none = (build_transform("reid", size=(64, 32), **kw) for kw in ({}, {"policy": None}))
    assert all(np.array_equal(plain(IMAGE, seed), none(IMAGE, seed)) for seed in range(5))


@pytest.mark.parametrize("magnitude", [3, 9, 17, 30])
def test_every_image_of_the_published_randaugment_is_one_of_ours(magnitude):
    picture = Image.fromarray(IMAGE)
    ours = {
        np.asarray(OPERATIONS[name](picture, magnitude / 30, is_negative=sign)).tobytes()
        for name in RAND_AUGMENT
        for sign in (False, True)
    }
    # Its table has 31 entries, 0..30.
    theirs = published.RandAugment(num_ops=1, magnitude=magnitude)
    torch.manual_seed(0)
    assert all(np.asarray(theirs(picture)).tobytes() in ours for _ in range(80))


def test_every_image_of_the_published_autoaugment_is_one_of_ours():
    picture = Image.fromarray(IMAGE)
    policy = build_policy("autoaugment")
    ours = set()
    for seed in range(3000):
        policy.set_random_state(np.random.default_rng(0), random.Random(seed))
        ours.add(policy(image=IMAGE)["image"].tobytes())
    theirs = published.AutoAugment()
    torch.manual_seed(0)
    assert sum(np.asarray(theirs(picture)).tobytes() in ours for _ in range(60)) >= 58


def test_magnitude_is_how_far_it_goes():
    def change(magnitude: float) -> float:
        augment = build_transform("none", size=(64, 32), policy="randaugment_reid", magnitude=magnitude)
        return float(np.mean([np.abs(augment(IMAGE, seed).astype(float) - IMAGE).mean() for seed in range(60)]))

    changes = [change(magnitude) for magnitude in (0, 5, 15, 30)]
    assert changes == sorted(changes)
    assert changes[0] == 0.0


def test_past_the_published_end_pictures_are_still_pictures():
    for seed in range(40):
        image = build_transform("none", size=(64, 32), policy="randaugment", magnitude=60, operations=4)(IMAGE, seed)
        assert image.dtype == np.uint8


def test_the_policy_of_re_id_leaves_colours_and_posture():
    assert not {"Posterize", "Solarize", "Equalize", "Invert", "AutoContrast", "ShearY"} & set(REID_REACH)
    for name, reach in REID_REACH.items():
        assert reach <= OPERATIONS[name].reach / 1.8 or reach == 0.0, name
    red = np.zeros((64, 32, 3), np.uint8)
    red[..., 0] = 180
    augment = build_transform("none", size=(64, 32), policy="randaugment_reid", magnitude=30)
    for seed in range(60):
        middle = augment(red, seed)[32, 16].astype(int)
        assert middle[0] > 60 + max(middle[1], middle[2]), middle


def test_erasing_comes_last():
    augment = build_transform("none", size=(64, 32), policy="randaugment", erasing=1.0)
    assert all((augment(np.zeros((64, 32, 3), np.uint8), seed) == 124).any() for seed in range(20))


@pytest.mark.parametrize(
    "arguments",
    [
        {"policy": "wild"},
        {"policy": "randaugment", "magnitude": -1},
        {"policy": "randaugment", "magnitude": 61},
        {"policy": "randaugment", "operations": 0},
        {"policy": "autoaugment", "magnitude": 5},
        {"policy": "autoaugment_cifar", "operations": 2},
        {"magnitude": 5},
    ],
)
def test_wrong_arguments_are_refused(arguments):
    with pytest.raises(ConfigError):
        build_transform("none", size=(64, 32), **arguments)
