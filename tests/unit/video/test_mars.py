"""The layout of MARS: names, what is left out, which tracklets are asked for, what is wrong with info."""

from pathlib import Path

import numpy as np
import pytest
import scipy.io

from datasets.mars import parse_mars_name, read_mars, read_mars_probe
from datasets.tracklet_groups import tracklets_of
from pipeline.errors import DataError
from tests.smoke.tiny import write_crops

TEST = ["0002C1T0001F001.jpg", "0002C1T0001F002.jpg", "0002C1T0002F001.jpg", "0002C2T0001F001.jpg",
        "0000C1T0001F001.jpg", "00-1C1T0001F001.jpg"]  # fmt: skip


def make_mars(root: Path) -> Path:
    for name in ("0001C1T0001F001.jpg", "0001C2T0001F001.jpg", "0000C1T0001F001.jpg", "00-1C1T0001F001.jpg"):
        write_crops(root / "bbox_train" / name[:4], [name])
    for name in TEST:
        write_crops(root / "bbox_test" / name[:4], [name])
    return root


def write_info(root: Path, *, asked: list[int]) -> None:
    info = root / "info"
    info.mkdir()
    (info / "test_name.txt").write_text("\n".join(TEST))
    tracks = np.array([[1, 2, 2, 1], [3, 3, 2, 1], [4, 4, 2, 2], [5, 5, 0, 1]], float)
    scipy.io.savemat(info / "tracks_test_info.mat", {"track_test_info": tracks})
    scipy.io.savemat(info / "query_IDX.mat", {"query_IDX": np.array([asked], float)})


@pytest.mark.parametrize(
    ("name", "told"),
    [("0001C1T0001F001.jpg", (1, "1", "0001T0001", 1)), ("00-1C6T0003F012.jpg", (-1, "6", "00-1T0003", 12))],
)
def test_names(name: str, told: tuple[int, str, str, int]) -> None:
    sample = parse_mars_name(f"bbox_train/{name[:4]}/{name}", domain="mars")
    assert sample is not None
    assert (sample.person_id, sample.camera_id, sample.tracklet_id, sample.frame) == told
    assert parse_mars_name("0001_c1s1_000451_03.jpg", domain="mars") is None


def test_training_leaves_junk_and_nobody_out(tmp_path) -> None:
    data = read_mars(str(make_mars(tmp_path)))
    assert {sample.person_id for sample in data.samples} == {1}
    assert dict(data.skipped) == {"distractor (person 0)": 1, "junk (person -1)": 1}


def test_without_info_the_first_tracklet_of_each_person_and_camera_is_asked_for(tmp_path) -> None:
    probe = read_mars_probe(str(make_mars(tmp_path)))
    assert [t.name for t in tracklets_of(probe.query)] == ["1/0002T0001", "2/0002T0001"]
    assert {t.person_id for t in tracklets_of(probe.gallery)} == {0, 2}


def test_info_says_which_tracklets_are_asked_for(tmp_path) -> None:
    write_info(make_mars(tmp_path), asked=[2, 3])
    probe = read_mars_probe(str(tmp_path))
    assert [t.name for t in tracklets_of(probe.query)] == ["1/0002T0002", "2/0002T0001"]


def test_what_is_wrong_gets_a_sentence(tmp_path) -> None:
    root = make_mars(tmp_path)
    write_info(root, asked=[9])
    with pytest.raises(DataError, match=r"query_IDX\.mat names tracklet 9"):
        read_mars_probe(str(root))
    (root / "info" / "query_IDX.mat").unlink()
    with pytest.raises(DataError, match=r"has no query_IDX\.mat"):
        read_mars_probe(str(root))
    write_crops(tmp_path / "other" / "bbox_train", ["a.jpg"])
    with pytest.raises(DataError, match="has a name of MARS"):
        read_mars(str(tmp_path / "other"))
