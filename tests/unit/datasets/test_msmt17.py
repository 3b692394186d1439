"""MSMT17: both releases, the list files, the two-digit camera."""

import pytest

from datasets.msmt17 import read_msmt17, read_msmt17_probe
from pipeline.errors import ConfigError, DataError
from tests.unit.datasets.crops import make_files

_NAMES = ["0000/0000_000_01_0303morning_0008_0.jpg", "0000/0000_001_14_0303noon_0009_1.jpg"]


def _make_release(root, train, test):
    make_files(root, [f"{folder}/{name}" for folder in (train, test) for name in _NAMES])
    (root / "list_train.txt").write_text(f"{_NAMES[0]} 0\n")
    (root / "list_val.txt").write_text(f"{_NAMES[1]} 0\n")
    (root / "list_query.txt").write_text(f"{_NAMES[0]} 0\n")
    (root / "list_gallery.txt").write_text(f"{_NAMES[1]} 0\n")
    return root


@pytest.mark.parametrize(("train", "test"), [("train", "test"), ("mask_train_v2", "mask_test_v2")])
def test_both_releases(tmp_path, train, test):
    root = _make_release(tmp_path / "MSMT17", train, test)
    data = read_msmt17(str(root))
    assert [(s.path, s.person_id, s.camera_id) for s in data.samples] == [
        (f"{train}/{_NAMES[0]}", 0, "1"),
        (f"{train}/{_NAMES[1]}", 0, "14"),
    ]
    probe = read_msmt17_probe(str(tmp_path))
    assert probe.query.samples[0].path == f"{test}/{_NAMES[0]}"
    assert probe.gallery.samples[0].camera_id == "14"


def test_missing_list_is_named(tmp_path):
    root = _make_release(tmp_path, "train", "test")
    (root / "list_val.txt").unlink()
    with pytest.raises(DataError, match="list_val"):
        read_msmt17(str(root))


def test_missing_images_are_refused_when_many(tmp_path):
    root = _make_release(tmp_path, "train", "test")
    (root / "train" / _NAMES[1]).unlink()
    with pytest.raises(DataError, match="1 of 2 images of the train lists are missing"):
        read_msmt17(str(root))


@pytest.mark.parametrize(
    "line", ["0000/IMG.jpg 0", "0000_000_01_x.jpg", "../0000_000_01_x.jpg 0", "0000_000_01_x.jpg one"]
)
def test_wrong_line_is_refused_with_its_place(tmp_path, line):
    root = _make_release(tmp_path, "train", "test")
    (root / "list_train.txt").write_text(f"\n{line}\n")
    with pytest.raises(DataError, match=r"list_train\.txt line 1"):
        read_msmt17(str(root))


def test_wrong_split_and_wrong_folder_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="split"):
        read_msmt17(str(tmp_path), split="val")
    with pytest.raises(DataError, match="train or mask_train_v2"):
        read_msmt17(str(tmp_path))
