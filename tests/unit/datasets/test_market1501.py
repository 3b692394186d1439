"""Market-1501: grammar, junk and distractors, filters, the carved probe."""

import logging
from itertools import pairwise

import pytest

from datasets.market1501 import read_market1501, read_market1501_carved_probe, read_market1501_probe
from datasets.market_layout import parse_market_name
from pipeline.errors import ConfigError, DataError
from tests.unit.datasets.crops import make_files


@pytest.mark.parametrize(
    ("name", "person", "camera", "frame"),
    [
        ("0002_c1s1_000451_03.jpg", 2, "1", 100_000_451),
        ("query/0002_c1s2_000451_03.jpg", 2, "1", 200_000_451),
        ("-1_c3s1_000401_03.jpg", -1, "3", 100_000_401),
        ("0000_c6s3_086567_01.jpg", 0, "6", 300_086_567),
        ("0001_c2_f0046182.jpg", 1, "2", 46_182),
        ("0001_c1_1.png", 1, "1", None),
        ("12345678_c12s1_000451_03.JPG", 12_345_678, "12", 100_000_451),
        ("7_C15.bmp", 7, "15", None),
        ("0001_c07_x.webp", 1, "7", None),
    ],
)
def test_grammar(name, person, camera, frame):
    sample = parse_market_name(name, domain="d")
    assert (sample.person_id, sample.camera_id, sample.frame) == (person, camera, frame)


@pytest.mark.parametrize(
    "name", ["IMG_0001.jpg", "0001.jpg", "c1_0001.jpg", "0001_cam.jpg", "0001C1T0001F001.jpg", "0001_c1x.jpg"]
)
def test_other_names_are_not_market_style(name):
    assert parse_market_name(name, domain="d") is None


@pytest.fixture
def root(tmp_path):
    train = [
        f"bounding_box_train/{p:04d}_c{c}s1_{f:06d}_01.jpg" for p in (2, 5, 7, 11) for c in (1, 2) for f in (1, 2, 3)
    ]
    train += ["bounding_box_train/-1_c1s1_000001_01.jpg", "bounding_box_train/0000_c1s1_000001_01.jpg"]
    query = [f"query/{p:04d}_c1s1_000001_00.jpg" for p in (3, 4, 6)]
    gallery = [f"bounding_box_test/{p:04d}_c2s1_000001_01.jpg" for p in (0, 3, 4, 6)]
    gallery += ["bounding_box_test/-1_c2s1_000002_01.jpg", "bounding_box_test/notes_c.jpg"]
    return str(make_files(tmp_path / "site", train + query + gallery))


def test_train_leaves_out_junk_and_distractors(root):
    data = read_market1501(root)
    assert len(data) == 24
    assert {s.person_id for s in data.samples} == {2, 5, 7, 11}
    assert data.skipped == {"junk (person -1)": 1, "distractor (person 0)": 1}
    assert all(a.path < b.path for a, b in pairwise(data.samples))
    assert data.load(data.samples[0]).shape == (16, 8, 3)


def test_probe_keeps_distractors_in_the_gallery(root):
    probe = read_market1501_probe(root)
    assert [s.person_id for s in probe.query.samples] == [3, 4, 6]
    assert [s.person_id for s in probe.gallery.samples] == [0, 3, 4, 6]
    assert probe.gallery.skipped == {"junk (person -1)": 1, "name of another form": 1}


def test_probe_filters_the_same_persons_in_both_lists(root):
    probe = read_market1501_probe(root, identities="odd")
    assert [s.person_id for s in probe.query.samples] == [4]
    assert [s.person_id for s in probe.gallery.samples] == [0, 4]


def test_images_directly_in_the_root_are_a_training_split(tmp_path):
    make_files(tmp_path, ["0001_c1_1.png", "0002_c2_1.png", "extra/0003_c1_1.png"])
    assert [s.path for s in read_market1501(str(tmp_path)).samples] == ["0001_c1_1.png", "0002_c2_1.png"]


def test_data_set_one_folder_down_is_found(root):
    assert read_market1501(str(root).removesuffix("/site")).digest == read_market1501(root).digest


def test_cameras_and_identities_are_filtered_by_rank_over_all_cameras(root):
    data = read_market1501(root, cameras=["c2"], identities="even")
    assert {(s.person_id, s.camera_id) for s in data.samples} == {(2, "2"), (7, "2")}
    assert data.skipped["camera not selected"] == 6
    assert data.skipped["person not selected"] == 12


def test_published_counts_are_compared_for_the_original_only(root, tmp_path, caplog):
    read_market1501(root)
    assert "published" not in caplog.text
    make_files(tmp_path / "Market-1501", ["bounding_box_train/0001_c1s1_000001_01.jpg"])
    with caplog.at_level(logging.WARNING):
        read_market1501(str(tmp_path / "Market-1501"))
    assert "the published split has 12936 of 751" in caplog.text


def test_wrong_names_are_refused_with_an_example(tmp_path):
    make_files(tmp_path, ["bounding_box_train/IMG_7.jpg"])
    with pytest.raises(DataError, match=r"first is 'IMG_7.jpg'.*kind: table"):
        read_market1501(str(tmp_path))


def test_folder_of_junk_alone_is_refused(tmp_path):
    make_files(tmp_path, ["bounding_box_train/-1_c1s1_000001_01.jpg"])
    with pytest.raises(DataError, match=r"no usable train image.*junk"):
        read_market1501(str(tmp_path))


def test_wrong_arguments_are_refused(root):
    with pytest.raises(ConfigError, match="split: 'val'"):
        read_market1501(root, split="val")
    with pytest.raises(DataError, match="camera 9 is not in the data"):
        read_market1501(root, cameras=["9"])
    with pytest.raises(ConfigError, match="identities: 'some'"):
        read_market1501(root, identities="some")


def test_missing_layout_is_named(tmp_path):
    make_files(tmp_path, ["query/0001_c1_1.png"])
    with pytest.raises(DataError, match="has no bounding_box_test or gallery or test folder"):
        read_market1501_probe(str(tmp_path))


def test_carved_probe_is_disjoint_from_its_training_part(root):
    train = read_market1501(root, identities="first:0.75")
    probe = read_market1501_carved_probe(root, seed=3)
    assert {s.person_id for s in train.samples} == {2, 5, 7}
    assert {s.person_id for s in (*probe.query.samples, *probe.gallery.samples)} == {11}
    assert (len(probe.query), len(probe.gallery)) == (2, 4)
    assert probe.digest == read_market1501_carved_probe(root, seed=3).digest
