"""The reader of tracklets: crops with camera, tracklet and time, and every way in which the table can be wrong."""

import shutil

import pytest

from datasets.labels import has_one_clock
from datasets.tracklets import COLUMNS, read_tracklets
from pipeline.errors import DataError
from tests.unit.datasets.crops import make_files

HEADER = ",".join(COLUMNS) + "\n"
NAMES = ["crops/Lobby West/w-1_7.png", "crops/cam02/2-1_12.png", "crops/cam02/2-1_15.png"]
ROWS = [
    "crops/cam02/2-1_15.png,cam02,2-1,15,1.5,0,0,10,20,0.9\n",
    "crops/cam02/2-1_12.png,cam02,2-1,12,1.2,0,0,10,20,0.9\n",
    "crops/Lobby West/w-1_7.png,Lobby West,w-1,7,0.7,0,0,10,20,0.9\n",
]


TEXT = HEADER + "".join(ROWS)


def make_tracklets(root, text=TEXT):
    make_files(root, NAMES)
    (root / "tracklets.csv").write_text(text)
    return str(root)


def test_rows_become_samples_in_sorted_order(tmp_path):
    data = read_tracklets(make_tracklets(tmp_path / "site"))
    found = [(s.path, s.person_id, s.camera_id, s.frame, s.tracklet_id, s.seconds) for s in data.samples]
    assert found == [
        (NAMES[0], None, "lobby west", 7, "w-1", 0.7),
        (NAMES[1], None, "2", 12, "2-1", 1.2),
        (NAMES[2], None, "2", 15, "2-1", 1.5),
    ]
    assert {s.domain for s in data.samples} == {"site"}
    assert data.skipped == {}


def test_the_order_of_rows_and_further_columns_change_nothing(tmp_path):
    first = read_tracklets(make_tracklets(tmp_path))
    columns = [row.strip().split(",")[:5] for row in ROWS]
    again = "score,Seconds ,frame,tracklet,camera,path\n" + "".join(
        ",".join(["0.1", *reversed(row)]) + "\n" for row in reversed(columns)
    )
    second = read_tracklets(make_tracklets(tmp_path, again))
    assert (second.samples, second.digest) == (first.samples, first.digest)


def test_a_column_tells_whether_times_can_be_compared(tmp_path):
    plain = read_tracklets(make_tracklets(tmp_path / "plain"))
    assert has_one_clock(plain)
    clocks = TEXT.replace(",0.9\n", ",0.9,site\n")
    assert has_one_clock(read_tracklets(make_tracklets(tmp_path / "site", clocks)))
    clocks = TEXT.replace("20,0.9\n", "20,0.9,own\n", 1)
    assert not has_one_clock(read_tracklets(make_tracklets(tmp_path / "own", clocks)))


def test_the_time_is_part_of_the_digest(tmp_path):
    first = read_tracklets(make_tracklets(tmp_path)).digest
    moved = TEXT.replace(",1.5,", ",1.6,")
    assert read_tracklets(make_tracklets(tmp_path, moved)).digest != first


def test_a_row_cut_short_is_left_out(tmp_path):
    data = read_tracklets(make_tracklets(tmp_path, TEXT[:-4]))
    assert [s.path for s in data.samples] == NAMES[1:]
    assert data.skipped == {"row not written to its end": 1, "image not in the table": 1}


def test_few_missing_images_are_counted_and_many_refused(tmp_path):
    many = [f"crops/a/a-1_{i}.png" for i in range(10)]
    make_files(tmp_path, many)
    (tmp_path / "tracklets.csv").write_text(
        HEADER + "".join(f"{name},a,a-1,{i},{i},0,0,1,1,1\n" for i, name in enumerate(many))
    )
    (tmp_path / many[0]).unlink()
    assert read_tracklets(str(tmp_path)).skipped == {"row without an image": 1}
    for name in many[1:3]:
        (tmp_path / name).unlink()
    with pytest.raises(DataError, match=r"3 of the 10 crops .* are missing, such as 'crops/a/a-1_0.png'"):
        read_tracklets(str(tmp_path))
    shutil.rmtree(tmp_path / "crops")
    with pytest.raises(DataError, match="holds no image"):
        read_tracklets(str(tmp_path))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column 'path' .found: no header line"),
        ("path,camera,frame,seconds\n", "no column 'tracklet'"),
        (HEADER, "names no crop; expected at least one. No person was found"),
        (HEADER + ROWS[0].rstrip(), "names no crop"),
        (HEADER + ROWS[0] + ROWS[0], "row 3 names 'crops/cam02/2-1_15.png' a second time"),
        (HEADER + "/etc/x.png,a,1,1,1\n", "row 2: '/etc/x.png' leads out of the folder"),
        (HEADER + "../x.png,a,1,1,1\n", "leads out of the folder"),
        (HEADER + ROWS[0].replace(",1.5,", ",soon,"), "column 'seconds': 'soon'; expected a finite number"),
        (HEADER + ROWS[0].replace(",1.5,", ",nan,"), "expected a finite number"),
        (HEADER + ROWS[0].replace(",15,", ",1.5x,"), "column 'frame'"),
        (HEADER + ROWS[0].replace(",2-1,", ", ,"), "row 2 has nothing in the column 'tracklet'"),
        (HEADER + "crops/cam02/2-1_15.png,a\n", "row 2 has nothing in the column 'tracklet'"),
    ],
)
def test_wrong_tables_are_refused(tmp_path, text, message):
    root = make_tracklets(tmp_path, text)
    with pytest.raises(DataError, match=message):
        read_tracklets(root)


def test_wrong_folders_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"has no tracklets.csv; .* use kind: image_folder"):
        read_tracklets(str(tmp_path))
    with pytest.raises(DataError, match="does not exist"):
        read_tracklets(str(tmp_path / "absent"))
    (tmp_path / "tracklets.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="it is no UTF-8 text"):
        read_tracklets(str(tmp_path))
