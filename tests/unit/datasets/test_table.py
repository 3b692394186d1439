"""Generic reader: named patterns, own patterns, CSV files, numbering of persons."""

import pytest

from datasets.table import read_table, read_table_probe
from pipeline.errors import ConfigError, DataError
from tests.unit.datasets.crops import make_files


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("market", "a/0002_c1s1_000451_03.png", (2, "1", 451, None)),
        ("personx", "0001_c3_s0_1.png", (1, "3", None, None)),
        ("randperson", "000000_s00_c02_f000264.png", (0, "s00_c02", 264, None)),
        ("mars", "bbox_train/0001/0001C1T0002F003.png", (1, "1", 3, "0002")),
        (r"(?P<camera>\w+)/p(?P<person>\d+)", "Lobby/p12.png", (12, "lobby", None, None)),
    ],
)
def test_patterns(tmp_path, pattern, name, expected):
    make_files(tmp_path, [name])
    sample = read_table(str(tmp_path), pattern=pattern).samples[0]
    assert (sample.person_id, sample.camera_id, sample.frame, sample.tracklet_id) == expected


def test_mars_junk_and_distractors_are_left_out_of_training(tmp_path):
    make_files(tmp_path, ["00-1C1T0001F001.png", "0000C1T0001F001.png", "0001C1T0001F001.png"])
    data = read_table(str(tmp_path), pattern="mars")
    assert [s.person_id for s in data.samples] == [1]
    assert data.skipped == {"junk (negative person)": 1, "distractor (person 0)": 1}
    probe = read_table_probe(str(tmp_path), str(tmp_path), pattern="mars")
    assert [s.person_id for s in probe.gallery.samples] == [0, 1]


def test_names_of_persons_are_numbered_alike_in_query_and_gallery(tmp_path):
    make_files(tmp_path / "q", ["bob_c1.png"])
    make_files(tmp_path / "g", ["alice_c2.png", "bob_c2.png", "other.png"])
    probe = read_table_probe(str(tmp_path / "q"), str(tmp_path / "g"), pattern=r"(?P<person>[a-z]+)_c(?P<camera>\d)")
    assert [s.person_id for s in probe.query.samples] == [1]
    assert [s.person_id for s in probe.gallery.samples] == [0, 1]
    assert probe.gallery.skipped == {"name does not fit the pattern": 1}


def _write_csv(root, text):
    (root / "labels.csv").write_text(text, encoding="utf-8-sig")


def test_csv_with_splits(tmp_path):
    make_files(tmp_path, ["1.png", "2.png", "3.png"])
    _write_csv(
        tmp_path,
        "path,person,camera,frame,seconds,split\n1.png,5,cam01,7,0.7,train\n2.png,5,2,,,query\ngone.png,5,2,,,train\n",
    )
    data = read_table(str(tmp_path), csv="labels.csv", split="train")
    assert [(s.path, s.person_id, s.camera_id, s.frame, s.seconds) for s in data.samples] == [("1.png", 5, "1", 7, 0.7)]
    assert data.skipped == {"file of another type": 1, "image not in the table": 2, "row without an image": 1}


def test_csv_probe_takes_its_rows(tmp_path):
    make_files(tmp_path, ["1.png", "2.png"])
    _write_csv(tmp_path, "path,person,camera,split\n1.png,5,1,query\n2.png,5,2,gallery\n")
    probe = read_table_probe(str(tmp_path), str(tmp_path), csv="labels.csv")
    assert [s.path for s in (*probe.query.samples, *probe.gallery.samples)] == ["1.png", "2.png"]


def test_unlabelled_table_reads_no_person(tmp_path):
    make_files(tmp_path, ["1.png"])
    _write_csv(tmp_path, "path,person,camera\n1.png,5,1\n")
    data = read_table(str(tmp_path), csv="labels.csv", labelled=False)
    assert [s.person_id for s in data.samples] == [None]


def test_rows_without_person_are_counted(tmp_path):
    make_files(tmp_path, ["1.png", "2.png"])
    _write_csv(tmp_path, "path,person\n1.png,5\n2.png,\n")
    data = read_table(str(tmp_path), csv="labels.csv")
    assert len(data) == 1
    assert data.skipped["no person given"] == 1
    assert data.samples[0].camera_id is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,camera\n1.png,1\n", "no column 'person'"),
        ("", "no header line"),
        ("path,person\n1.png,1\n1.png,2\n", "row 3 gives '1.png' a second time"),
        ("path,person\nother.png,1\n", "not in the table, for all 1"),
    ],
)
def test_wrong_tables_are_refused(tmp_path, text, message):
    make_files(tmp_path, ["1.png"])
    _write_csv(tmp_path, text)
    with pytest.raises(DataError, match=message):
        read_table(str(tmp_path), csv="labels.csv")


def test_wrong_arguments_are_refused(tmp_path):
    make_files(tmp_path, ["1.png"])
    root = str(tmp_path)
    with pytest.raises(ConfigError, match="neither of pattern and csv"):
        read_table(root)
    with pytest.raises(ConfigError, match="does not compile"):
        read_table(root, pattern="(")
    with pytest.raises(ConfigError, match="lacks group person"):
        read_table(root, pattern=r"(?P<camera>\d)")
    with pytest.raises(ConfigError, match="unknown group 'cam'"):
        read_table(root, pattern=r"(?P<person>\d)(?P<cam>\d)")
    with pytest.raises(ConfigError, match="split"):
        read_table(root, pattern="market", split="train")
    with pytest.raises(DataError, match="does not fit the pattern"):
        read_table(root, pattern="market")
    with pytest.raises(DataError, match="cannot be read"):
        read_table(root, csv="absent.csv")
