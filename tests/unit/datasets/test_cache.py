"""Pixel cache: equality with single loads, unreadable images, the memory limit, the memo."""

import pickle

import numpy as np
import pytest

from datasets import cache as cache_module
from datasets.cache import forget_pixels, load_pixels
from datasets.image_folder import read_image_folder
from datasets.images import resize
from pipeline.errors import DataError
from tests.unit.datasets.crops import make_data, make_files, make_pixels


@pytest.fixture(autouse=True)
def _fresh_memo():
    forget_pixels()
    yield
    forget_pixels()


@pytest.mark.parametrize("limit_bytes", [10**9, 0])
def test_crops_equal_single_loads(limit_bytes):
    data, cache = load_pixels(make_data(), size=(8, 4), limit_bytes=limit_bytes, workers=3)
    assert (cache.pixels is None) == (limit_bytes == 0)
    assert len(data) == len(cache) == 12
    for index in range(12):
        assert np.array_equal(cache[index], resize(make_pixels(index), (8, 4)))


@pytest.mark.parametrize("limit_bytes", [10**9, 0])
def test_unreadable_images_are_left_out_and_counted(limit_bytes, caplog):
    data, cache = load_pixels(make_data(broken=(0, 5)), size=(8, 4), limit_bytes=limit_bytes)
    assert [s.path for s in data.samples] == [f"{i:04d}.png" for i in range(12) if i not in (0, 5)]
    assert data.skipped == {"unreadable image": 2}
    assert np.array_equal(cache[4], resize(make_pixels(6), (8, 4)))
    assert "2 of 12 images are left out" in caplog.text


def test_too_many_unreadable_images_are_refused():
    with pytest.raises(DataError, match=r"3 of 12 images of made cannot be read.*made so"):
        load_pixels(make_data(broken=(0, 1, 2)), size=(8, 4))


def test_second_call_shares_pixels_and_keeps_its_own_labels():
    data = make_data(broken=(3,))
    _, first = load_pixels(data, size=(8, 4))
    kept, second = load_pixels(data.without_labels(), size=(8, 4))
    assert second.pixels is first.pixels
    assert {s.person_id for s in kept.samples} == {None}
    assert len(kept) == 11
    assert load_pixels(data, size=(4, 4))[1].pixels is not first.pixels


def test_memo_is_bounded():
    for number in range(10):
        load_pixels(make_data(name=f"d{number}"), size=(8, 4))
    assert len(cache_module._remembered) == 4
    load_pixels(make_data(name="big"), size=(8, 4), limit_bytes=12 * 8 * 4 * 3)
    assert len(cache_module._remembered) == 1


def test_pixels_are_read_only_and_picklable():
    _, cache = load_pixels(make_data(), size=(8, 4))
    with pytest.raises(ValueError, match="read-only"):
        cache[0][0] = 0
    assert np.array_equal(pickle.loads(pickle.dumps(cache))[3], cache[3])


def test_folder_with_damaged_files_is_read_without_them(tmp_path):
    root = make_files(tmp_path, [f"{i}.png" for i in range(10)])
    (root / "3.png").write_bytes(b"")
    (root / "7.png").write_bytes(b"no image")
    data, cache = load_pixels(read_image_folder(str(root)), size=(16, 8))
    assert len(data) == len(cache) == 8
    assert data.skipped == {"unreadable image": 2}
    (root / "5.png").write_bytes((root / "5.png").read_bytes()[:-60])
    with pytest.raises(DataError, match=r"3 of 10 images .* cannot be read: .*empty.*no known image format"):
        load_pixels(read_image_folder(str(root)), size=(16, 8))
