"""The folder of tracklets: readable by its reader at any moment, and after a kill as if there had been none."""

import json

import numpy as np
import pytest

from datasets.tracklets import COLUMNS as READ_COLUMNS
from datasets.tracklets import read_tracklets
from pipeline.errors import DataError
from pipeline.tracking.cutting import Tracklet
from pipeline.tracking.stay import Crop
from pipeline.tracking.tracklet_progress import Progress
from pipeline.tracking.tracklet_writer import COLUMNS, TrackletWriter
from tests.unit.tracking.test_quality import make_crop

MADE_BY = {"detector": "abc", "size": (4, 3)}


def make_tracklet(first=0, crops=2):
    box = np.array([1.25, 2, 33, 82], np.float32)
    return Tracklet(1, tuple(Crop(i, i / 10, box, 0.875, make_crop(i)) for i in range(first, first + crops)))


def files_of(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_the_reader_finds_what_was_written(tmp_path):
    writer = TrackletWriter(tmp_path / "a", made_by=MADE_BY)
    assert writer.add("Lobby, Süd", make_tracklet(5)) == "Lobby, Süd-00001"
    writer.commit("Lobby, Süd", frames=7, is_complete=True)
    assert writer.add("2", make_tracklet(0, 3)) == "2-00001"
    assert writer.add("2", make_tracklet(9, 1)) == "2-00002"
    writer.commit("2", frames=12, notes={"file": 1})
    samples = read_tracklets(str(tmp_path / "a")).samples
    assert [(s.camera_id, s.tracklet_id, s.frame, s.seconds) for s in samples] == [
        ("2", "2-00001", 0, 0.0), ("2", "2-00001", 1, 0.1), ("2", "2-00001", 2, 0.2), ("2", "2-00002", 9, 0.9),
        ("lobby, süd", "Lobby, Süd-00001", 5, 0.5), ("lobby, süd", "Lobby, Süd-00001", 6, 0.6),
    ]  # fmt: skip
    assert READ_COLUMNS == COLUMNS
    lines = (tmp_path / "a" / "tracklets.csv").read_text().splitlines()
    assert lines[1] == (
        '"crops/Lobby, Süd/Lobby, Süd-00001_0000005.jpg","Lobby, Süd","Lobby, Süd-00001",'
        "5,0.5000,1.25,2.00,33.00,82.00,0.8750,site"
    )
    again = TrackletWriter(tmp_path / "a", made_by=MADE_BY)
    assert again.progress("2") == Progress(12, 2, False, {"file": 1})
    assert again.progress("Lobby, Süd") == Progress(7, 1, True)
    assert again.progress("3") == Progress()


def test_cameras_without_a_common_clock_have_one_each(tmp_path):
    writer = TrackletWriter(tmp_path, made_by=MADE_BY, has_clock=False)
    for camera in ("gate", "hall"):
        writer.add(camera, make_tracklet())
        writer.commit(camera, frames=2, is_complete=True)
    assert {s.camera_id: s.clock for s in read_tracklets(str(tmp_path)).samples} == {"gate": "gate", "hall": "hall"}


def write_all(root, kill_after=None):
    """Write two commits of two tracklets each from where the folder stands, or die after so many calls."""
    writer = TrackletWriter(root, made_by=MADE_BY)
    steps = []
    for part in range(writer.progress("1").frames // 10, 2):
        steps += [lambda p=part, k=k: writer.add("1", make_tracklet(10 * p + 3 * k)) for k in range(2)]
        steps.append(lambda p=part: writer.commit("1", frames=10 * (p + 1), is_complete=p == 1))
    for step in steps[:kill_after]:
        step()


@pytest.mark.parametrize("calls", range(6))
def test_a_kill_between_any_two_calls_changes_nothing(tmp_path, calls):
    write_all(tmp_path / "whole")
    write_all(tmp_path / "killed", kill_after=calls)
    # What a kill in the middle of a call leaves: a crop without a row, and a row cut short.
    stray = tmp_path / "killed" / "crops" / "1" / "1-00009_0000001.jpg"
    stray.parent.mkdir(parents=True, exist_ok=True)
    stray.write_bytes(b"half")
    with (tmp_path / "killed" / "tracklets.csv").open("ab") as table:
        table.write(b"crops/1/1-000")
    if calls:
        assert len(read_tracklets(str(tmp_path / "killed"))) == 2 * (calls - calls // 3)
    write_all(tmp_path / "killed")
    assert files_of(tmp_path / "killed") == files_of(tmp_path / "whole")


def test_a_kill_during_the_very_start(tmp_path):
    TrackletWriter(tmp_path / "whole", made_by=MADE_BY)
    (tmp_path / "killed").mkdir()
    (tmp_path / "killed" / "tracklets.csv").write_text("path,cam")
    TrackletWriter(tmp_path / "killed", made_by=MADE_BY)
    assert files_of(tmp_path / "killed") == files_of(tmp_path / "whole")
    with pytest.raises(DataError, match="names no crop"):
        read_tracklets(str(tmp_path / "whole"))


def test_a_folder_made_by_something_else_is_refused(tmp_path):
    TrackletWriter(tmp_path, made_by=MADE_BY)
    with pytest.raises(DataError, match="made with detector 'abc' in place of 'xyz'; expected the same footage"):
        TrackletWriter(tmp_path, made_by=MADE_BY | {"detector": "xyz"})


def test_a_foreign_or_damaged_folder_is_refused(tmp_path):
    (tmp_path / "tracklets.csv").write_text("path,camera\na.jpg,1\n")
    with pytest.raises(DataError, match=r"holds a tracklets\.csv of unknown origin"):
        TrackletWriter(tmp_path, made_by=MADE_BY)
    writer = TrackletWriter(tmp_path / "b", made_by=MADE_BY)
    writer.add("1", make_tracklet())
    writer.commit("1", frames=3)
    table = tmp_path / "b" / "tracklets.csv"
    table.write_bytes(table.read_bytes()[:-5])
    with pytest.raises(DataError, match="bytes; expected at least the"):
        TrackletWriter(tmp_path / "b", made_by=MADE_BY)
    progress = tmp_path / "b" / "progress.json"
    progress.write_text(json.dumps({"cameras": 3}))
    with pytest.raises(DataError, match=r"progress.json' has another form; expected made_by, size, cameras"):
        TrackletWriter(tmp_path / "b", made_by=MADE_BY)


def test_two_cameras_between_two_commits_are_our_own_bug(tmp_path):
    writer = TrackletWriter(tmp_path, made_by=MADE_BY)
    writer.add("1", make_tracklet())
    with pytest.raises(AssertionError, match="'1' wait for their commit"):
        writer.add("2", make_tracklet())
    with pytest.raises(AssertionError, match="camera 'a/b'"):
        writer.add("a/b", make_tracklet())
