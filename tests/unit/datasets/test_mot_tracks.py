"""True tracks of several cameras, without images."""

import pytest

from datasets.mot_tracks import read_mot_tracks
from pipeline.errors import DataError


def make_sequence(root, name, gt, *, info="[Sequence]\nname=a\nframeRate=12.5\n"):
    (root / name / "gt").mkdir(parents=True)
    (root / name / "seqinfo.ini").write_text(info)
    (root / name / "gt" / "gt.txt").write_text(gt)


def test_rows_frames_and_boxes_count_from_0(tmp_path):
    make_sequence(tmp_path, "camera_2", "3,7,11,21,5,10,1,1,0.5\n1,9,1,1,5,10,0,1,0.1\n")
    make_sequence(tmp_path, "camera_1", "1,7,2,3,4,5,1,1,1\n1,1000000,1,1,9,9,0,8,1\n")
    tracks = read_mot_tracks(str(tmp_path))
    assert (tracks.cameras, tracks.rates) == (("1", "2"), (12.5, 12.5))
    assert tracks.rows.tolist() == [0, 1, 1]
    assert tracks.frames.tolist() == [0, 0, 2]
    assert tracks.persons.tolist() == [7, 9, 7]
    assert tracks.counts.tolist() == [True, False, True]
    assert tracks.boxes.tolist() == [[1, 2, 5, 7], [0, 0, 5, 10], [10, 20, 15, 30]]


def test_an_empty_street_is_no_mistake(tmp_path):
    make_sequence(tmp_path, "camera_1", "")
    assert read_mot_tracks(str(tmp_path)).boxes.shape == (0, 4)


@pytest.mark.parametrize(
    ("info", "message"),
    [("", "another form"), ("[Sequence]\nframeRate=0\n", "frameRate 0"), ("[Sequence]\nframeRate=x\n", "another form")],
)
def test_a_file_of_another_form_is_told(tmp_path, info, message):
    make_sequence(tmp_path, "camera_1", "", info=info)
    with pytest.raises(DataError, match=message):
        read_mot_tracks(str(tmp_path))


def test_two_sequences_of_one_camera_and_none_at_all_are_told(tmp_path):
    with pytest.raises(DataError, match="no sequence"):
        read_mot_tracks(str(tmp_path))
    make_sequence(tmp_path, "camera_1", "")
    make_sequence(tmp_path, "cam01", "")
    with pytest.raises(DataError, match="two sequences for one camera"):
        read_mot_tracks(str(tmp_path))
