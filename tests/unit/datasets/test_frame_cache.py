"""Frame cache: one factor a frame, unreadable frames, the memory limit, the memo."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from datasets.frame_cache import forget_frames, load_frames, scale_factor, scaled_size
from datasets.frame_folder import read_frame_folder
from datasets.images import resize
from pipeline.errors import DataError
from tests.unit.datasets.crops import make_pixels
from tests.unit.datasets.frames import make_boxes, make_frames, write_images


@pytest.fixture(autouse=True)
def _fresh_memo():
    forget_frames()
    yield
    forget_frames()


@pytest.mark.parametrize(
    ("frame", "size", "factor", "scaled"),
    [
        ((1080, 1920), (192, 320), 320 / 1920, (180, 320)),
        ((480, 640), (192, 320), 0.4, (192, 256)),
        ((100, 100), (192, 320), 1.92, (192, 192)),
        ((1, 1), (192, 320), 4.0, (4, 4)),
        ((5000, 1), (192, 320), 192 / 5000, (192, 1)),
        ((192, 320), (192, 320), 1.0, (192, 320)),
    ],
)
def test_factors(frame, size, factor, scaled):
    assert scale_factor(frame, size) == pytest.approx(factor)
    assert scaled_size(frame, size) == scaled


@pytest.mark.parametrize("limit_bytes", [10**9, 0])
def test_frames_equal_single_loads(limit_bytes):
    data, cache = load_frames(make_frames(sizes=((48, 64), (24, 64))), size=(24, 32), limit_bytes=limit_bytes)
    assert (cache.frames is None) == (limit_bytes == 0)
    assert len(data) == len(cache) == 8
    assert cache.factors == (0.5,) * 8
    for index in range(8):
        full = (48, 64) if index % 2 == 0 else (24, 64)
        half = (full[0] // 2, 32)
        assert np.array_equal(cache[index], resize(make_pixels(index, *full), half))


def test_truth_is_scaled_and_the_data_is_not():
    data, cache = load_frames(make_frames(sizes=((48, 64), (24, 32))), size=(24, 32))
    assert data.samples[0].annotations.boxes.tolist() == [[0, 2, 10, 32]]
    assert [boxes.boxes.tolist() for boxes in cache.truth()[:2]] == [[[0, 1, 5, 16]], [[1, 2, 11, 32]]]
    bare = load_frames(make_frames().without_labels(), size=(24, 32))[1]
    with pytest.raises(DataError, match="without annotations"):
        bare.truth()


@pytest.mark.parametrize("limit_bytes", [10**9, 0])
def test_unreadable_frames_are_left_out_and_counted(limit_bytes, caplog):
    data, cache = load_frames(make_frames(broken=(3,)), size=(24, 32), limit_bytes=limit_bytes)
    assert [sample.frame for sample in data.samples] == [0, 1, 2, 4, 5, 6, 7]
    assert data.skipped == {"unreadable image": 1}
    assert np.array_equal(cache[3], resize(make_pixels(4, 48, 64), (24, 32)))
    assert len(cache.truth()) == len(cache.factors) == 7
    assert "1 of 8 images are left out" in caplog.text


def test_too_many_unreadable_frames_are_refused():
    with pytest.raises(DataError, match=r"2 of 8 images of made cannot be read.*made so"):
        load_frames(make_frames(broken=(0, 1)), size=(24, 32))


def test_second_call_shares_pixels_and_keeps_its_own_labels():
    data = make_frames(broken=(3,))
    _, first = load_frames(data, size=(24, 32))
    kept, second = load_frames(data.without_labels(), size=(24, 32))
    assert all(a is b for a, b in zip(first.frames, second.frames, strict=True))
    assert {sample.annotations for sample in kept.samples} == {None}
    assert load_frames(data, size=(12, 16))[1].frames[0] is not first.frames[0]


def test_pixels_are_read_only_and_picklable():
    _, cache = load_frames(make_frames(), size=(48, 64))
    with pytest.raises(ValueError, match="read-only"):
        cache[0][0] = 0
    assert np.array_equal(pickle.loads(pickle.dumps(cache))[3], cache[3])


def test_a_frame_that_changed_since_the_listing_is_unreadable(tmp_path):
    names = [f"{i}.png" for i in range(6)]
    data = read_frame_folder(str(write_images(tmp_path, names)))
    write_images(tmp_path, names[2:3], size=(10, 10))
    kept, _ = load_frames(data, size=(24, 32))
    assert len(kept) == 5


def test_frames_of_one_pixel():
    data = make_frames([make_boxes((0, 0, 1, 1), size=(1, 1))], sizes=((1, 1),))
    _, cache = load_frames(replace(data, name="dot"), size=(48, 64))
    assert cache[0].shape == (4, 4, 3)
    assert cache.truth()[0].boxes.tolist() == [[0, 0, 4, 4]]
