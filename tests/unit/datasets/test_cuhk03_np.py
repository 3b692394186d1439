"""CUHK03-NP: both kinds of boxes and the view field."""

import pytest

from datasets.cuhk03_np import read_cuhk03_np, read_cuhk03_np_probe
from pipeline.errors import ConfigError, DataError
from tests.unit.datasets.crops import make_files

_SPLITS = ["bounding_box_train/0001_c1_1.png", "query/0002_c1_1.png", "bounding_box_test/0002_c2_6.png"]


def test_both_kinds_of_boxes(tmp_path):
    make_files(tmp_path / "CUHK03-NP", [f"detected/{n}" for n in _SPLITS] + [f"labeled/{n}" for n in _SPLITS[:1]])
    data = read_cuhk03_np(str(tmp_path))
    assert [(s.path, s.person_id, s.camera_id, s.frame) for s in data.samples] == [
        ("detected/bounding_box_train/0001_c1_1.png", 1, "1", None)
    ]
    assert read_cuhk03_np(str(tmp_path), detected=False).samples[0].path.startswith("labeled/")
    probe = read_cuhk03_np_probe(str(tmp_path / "CUHK03-NP"))
    assert (len(probe.query), probe.gallery.samples[0].camera_id) == (1, "2")


def test_one_kind_given_directly(tmp_path):
    make_files(tmp_path, _SPLITS)
    assert read_cuhk03_np(str(tmp_path)).samples[0].person_id == 1


def test_missing_kind_tells_the_other(tmp_path):
    make_files(tmp_path, [f"labeled/{n}" for n in _SPLITS])
    with pytest.raises(DataError, match="Set detected: false"):
        read_cuhk03_np(str(tmp_path))


def test_mat_file_and_split_are_refused(tmp_path):
    (tmp_path / "cuhk-03.mat").write_bytes(b"x")
    with pytest.raises(DataError, match=r"\.mat file is not read"):
        read_cuhk03_np(str(tmp_path))
    with pytest.raises(ConfigError, match="split"):
        read_cuhk03_np(str(tmp_path), split="val")
