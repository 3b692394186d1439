"""The background of fixed cameras, and how much of a box differs from it."""

from dataclasses import replace

import numpy as np
import pytest

from datasets.camera_background import (
    LEAST_FRAMES,
    UNKNOWN,
    camera_backgrounds,
    foreground,
    foreground_shares,
    median_background,
    moving_regions,
)
from datasets.frame_boxes import Geometry
from datasets.frame_cache import FrameCache, forget_frames, load_frames
from datasets.frame_loader import FrameDataset
from datasets.frame_transforms import build_frame_transform
from tests.references.camera_background import loop_background, loop_regions, loop_share
from tests.unit.datasets.frames import make_frames

SCENE = np.random.default_rng(0).integers(60, 200, (48, 64, 3), dtype=np.uint8)
PERSON = (slice(10, 30), slice(20, 28))


def make_video(count=9, *, noise=2.0):
    """A fixed camera; somebody walks through, one step a frame."""
    rng = np.random.default_rng(1)
    frames = np.clip(SCENE + rng.normal(0, noise, (count, *SCENE.shape)), 0, 255).astype(np.uint8)
    for i, frame in enumerate(frames):
        frame[10:30, 6 * i : 6 * i + 8] = 255
    return frames


def test_median_and_tolerance_equal_their_loop_twin():
    frames = make_video()[:, 8:16, 4:14]
    background = median_background(frames)
    picture, spread = loop_background(frames)
    assert background.picture == pytest.approx(np.array(picture))
    assert background.tolerance == pytest.approx(np.maximum(12.0, 3 * 1.4826 * np.array(spread)), rel=1e-6)


def test_people_are_foreground_and_the_scene_is_not():
    frames = make_video()
    background = median_background(frames)
    for i, frame in enumerate(frames):
        boxes = np.array([[6 * i, 10, min(6 * i + 8, 64), 30], [0, 32, 64, 48]], float)
        person, scene = foreground_shares(foreground(frame, background), boxes)
        assert person > 0.95
        assert scene < 0.01
    # Neither the order of the frames nor a lamp that is switched on for one of them matters.
    mixed = median_background(frames[np.random.default_rng(2).permutation(len(frames))])
    assert np.array_equal(mixed.picture, background.picture)
    brighter = np.clip(frames[4].astype(int) + 20, 0, 255).astype(np.uint8)
    assert foreground(brighter, background)[32:].mean() < 0.01


def test_shares_equal_their_loop_twin():
    rng = np.random.default_rng(3)
    plane = rng.integers(0, 3, (20, 30)).astype(np.uint8)
    corners = rng.uniform(-10, 40, (60, 2, 2))
    boxes = np.concatenate([corners.min(1), corners.max(1)], axis=1)
    expected = [loop_share(plane, box) for box in boxes]
    assert foreground_shares(plane, boxes) == pytest.approx(expected, nan_ok=True)
    assert foreground_shares(plane, np.zeros((0, 4))).shape == (0,)


def test_golden_share():
    plane = np.zeros((4, 4), np.uint8)
    plane[:2], plane[3] = 1, UNKNOWN
    # Two rows of foreground, one of background, one of which nobody knows.
    assert foreground_shares(plane, np.array([[0, 0, 4, 4], [0, 3, 4, 4], [9, 9, 12, 12]])) == pytest.approx(
        [2 / 3, np.nan, np.nan], nan_ok=True
    )


def test_golden_regions():
    plane = np.zeros((40, 40), np.uint8)
    plane[10:30, 8:16] = 1
    plane[0, 39] = 1  # a pixel of noise
    plane[32:, :] = UNKNOWN
    # A margin of a quarter of 8 x 20 pixels.
    assert moving_regions(plane).tolist() == [[6, 5, 18, 35]]
    assert moving_regions(np.zeros((4, 4), np.uint8)).shape == (0, 4)
    assert moving_regions(np.full((4, 4), UNKNOWN, np.uint8)).shape == (0, 4)


def test_regions_equal_their_loop_twin():
    plane = (np.random.default_rng(6).random((30, 40)) < 0.06).astype(np.uint8)
    plane[5:25, 10:18] = 1
    expected = loop_regions(plane)
    assert len(expected) > 0
    assert sorted(moving_regions(plane).tolist()) == sorted(expected)


def test_no_background_without_frames_or_with_a_moving_camera():
    assert median_background(make_video(LEAST_FRAMES - 1)) is None
    rng = np.random.default_rng(4)
    wide = rng.integers(0, 256, (48, 400, 3), dtype=np.uint8)
    moving = np.stack([wide[:, 30 * i : 30 * i + 64] for i in range(10)])
    assert median_background(moving) is None
    # A camera before a wall of one colour: nothing to see, nothing moves.
    assert median_background(np.full((LEAST_FRAMES, 8, 8, 3), 90, np.uint8)) is not None


def make_dataset(preset="standard", *, apart=25):
    forget_frames()
    data = make_frames([None] * 18)
    data = replace(data, samples=tuple(replace(s, frame=apart * i) for i, s in enumerate(data.samples)))
    _, cache = load_frames(data, size=(48, 64))
    video = make_video()
    cache = FrameCache(cache.data, cache.size, cache.factors, tuple(video[i // 2] for i in range(18)))
    dataset = FrameDataset(cache, None, build_frame_transform(preset))
    return replace(dataset, backgrounds=camera_backgrounds(cache))


def test_each_camera_has_its_own_background():
    dataset = make_dataset()
    assert sorted(camera for camera, _ in dataset.backgrounds) == ["1", "2"]
    samples = tuple(replace(sample, camera_id=None) for sample in dataset.cache.data.samples)
    unknown = replace(dataset.cache, data=replace(dataset.cache.data, samples=samples))
    assert camera_backgrounds(unknown) == {}
    assert np.isnan(replace(dataset, backgrounds={}).foreground_shares(0, np.array([[0, 0, 9, 9]]))).all()


@pytest.mark.parametrize("preset", ["weak", "standard", "strong"])
def test_the_foreground_of_a_view_has_the_view_s_geometry(preset):
    dataset = make_dataset(preset)
    items = [(i, 100 + i) for i in range(6)]
    weak, strong = dataset.collect_views(items)
    assert weak.foreground.shape == (6, *weak.images.shape[2:])
    assert strong.foreground is None
    for row, item in enumerate(items):
        geometry = dataset._geometry(dataset.augment, item)
        assert Geometry.of(weak.windows[row].tolist()) == geometry
        x = 6 * (item[0] // 2)
        boxes = geometry.boxes(np.array([[x, 10, x + 8, 30]], np.float32))
        height, width = geometry.size
        (share,) = foreground_shares(weak.foreground[row].numpy(), boxes)
        assert np.isnan(share) or share > 0.5
        assert (weak.foreground[row, height:] == UNKNOWN).all()
        assert (weak.foreground[row, :, width:] == UNKNOWN).all()


def test_recordings_of_a_few_seconds_have_no_background():
    assert make_dataset(apart=1).backgrounds == {}
    unnumbered = make_dataset().cache
    samples = tuple(replace(sample, frame=None) for sample in unnumbered.data.samples)
    cache = replace(unnumbered, data=replace(unnumbered.data, samples=samples))
    assert len(camera_backgrounds(cache)) == 2


def test_views_of_unknown_cameras_know_no_foreground():
    dataset = make_dataset()
    assert replace(dataset, backgrounds={}).collect_views([(0, 1)])[0].foreground is None
    only = {key: value for key, value in dataset.backgrounds.items() if key[0] == "1"}
    weak, _ = replace(dataset, backgrounds=only).collect_views([(0, 1), (1, 1)])
    assert (weak.foreground[0] != UNKNOWN).any()
    assert (weak.foreground[1] == UNKNOWN).all()
