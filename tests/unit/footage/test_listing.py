"""Footage is listed with the camera, the order and the start of each recording."""

import pytest

from pipeline.errors import DataError
from pipeline.footage.listing import list_footage


def make(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return folder


def cameras(footage):
    return {camera: [file.name for file in footage.of_camera(camera)] for camera in footage.cameras}


def test_videos_beside_each_other_are_cameras_of_their_own(tmp_path):
    make(tmp_path, "gate.mp4", "Hof Süd 2.MKV", "notes.txt", ".hidden.mp4")
    footage = list_footage(str(tmp_path))
    assert cameras(footage) == {"Hof Süd 2": ["Hof Süd 2.MKV"], "gate": ["gate.mp4"]}
    assert not footage.has_clock


def test_sub_folders_are_cameras_and_parts_come_by_number(tmp_path):
    make(tmp_path, "site/cam1/day/part10.avi", "site/cam1/day/part9.avi", "site/cam2/x.mov")
    assert cameras(list_footage(str(tmp_path))) == {
        "cam1": ["site/cam1/day/part9.avi", "site/cam1/day/part10.avi"],
        "cam2": ["site/cam2/x.mov"],
    }
    make(tmp_path / "one", "gate/a.mp4", "gate/b.mp4")
    assert cameras(list_footage(str(tmp_path / "one"))) == {"gate": ["gate/a.mp4", "gate/b.mp4"]}


def test_folders_of_images_are_recordings(tmp_path):
    make(tmp_path, "MOT-02/img1/000001.jpg", "MOT-02/img1/000002.jpg", "MOT-09/img1/000001.jpg", "clip/a.mp4")
    make(tmp_path, "clip/thumbnail.jpg")
    (tmp_path / "MOT-02" / "seqinfo.ini").write_text("[Sequence]\nname=MOT-02\nframeRate=30\n")
    footage = list_footage(str(tmp_path), rate=12.0)
    assert cameras(footage) == {"MOT-02": ["MOT-02/img1"], "MOT-09": ["MOT-09/img1"], "clip": ["clip/a.mp4"]}
    assert [file.rate for file in footage.files] == [30.0, 12.0, 12.0]
    assert list_footage(str(tmp_path / "MOT-02")).cameras == ("MOT-02",)
    assert list_footage(str(tmp_path / "MOT-02" / "img1")).cameras == ("MOT-02",)


def test_a_single_file_and_chosen_files(tmp_path):
    make(tmp_path, "a.mp4", "b.mp4", "c.mp4")
    assert list_footage(str(tmp_path / "a.mp4")).cameras == ("a",)
    assert list_footage(str(tmp_path), files=["c.mp4", "a.mp4"]).cameras == ("a", "c")


def test_a_table_tells_cameras_order_and_clock(tmp_path):
    make(tmp_path, "one.mp4", "two.mp4", "three.mp4", "left.mp4")
    (tmp_path / "cameras.csv").write_text("﻿File,Camera,Start\none.mp4,Hof,60\ntwo.mp4,Hof,0\nthree.mp4,gate 1,12.5\n")
    footage = list_footage(str(tmp_path))
    assert cameras(footage) == {"Hof": ["two.mp4", "one.mp4"], "gate 1": ["three.mp4"]}
    assert footage.has_clock
    (tmp_path / "other.csv").write_text(
        "file,camera,start\none.mp4,a,1970-01-01T00:01:00\ntwo.mp4,b,1970-01-01T01:01:00+01:00\n"
    )
    footage = list_footage(str(tmp_path), cameras="other.csv")
    assert [file.start_seconds for file in footage.files] == [60.0, 60.0]


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("file,camera\n", "has no row"),
        ("name,camera\na.mp4,1\n", "has no column 'file'"),
        ("file,camera\na.mp4,\n", "row 2 has no camera"),
        ("file,camera\na.mp4,1\na.mp4,2\n", "row 3 names 'a.mp4' a second time"),
        ("file,camera\nz.mp4,1\n", "names 'z.mp4', which is not in"),
        ("file,camera\na.mp4,x/y\n", "cannot be called 'x/y'"),
        ("file,camera,start\na.mp4,1,noon\n", "start 'noon' is no time"),
        ("file,camera,start\na.mp4,1,nan\n", "a finite number of seconds"),
        ("file,camera,start\na.mp4,1,5\nb.mp4,2,2026-01-01\n", "starts in seconds and starts as dates"),
        ("file,camera,start\na.mp4,1,5\nb.mp4,2,\n", "camera 2 has no start"),
        ("file,camera,start\na.mp4,1,\nb.mp4,1,7\n", "has no start, a later one has"),
    ],
)
def test_a_wrong_table_is_told_in_one_sentence(tmp_path, table, sentence):
    make(tmp_path, "a.mp4", "b.mp4")
    (tmp_path / "cameras.csv").write_text(table)
    with pytest.raises(DataError, match=sentence) as caught:
        list_footage(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_a_table_that_names_a_folder_of_videos_is_told_how_to_name_them(tmp_path):
    make(tmp_path, "gate/a.mp4")
    (tmp_path / "cameras.csv").write_text("file,camera\ngate,gate\n")
    with pytest.raises(DataError, match=r"folder 'gate' of camera gate holds no image.*one by one"):
        list_footage(str(tmp_path))


def test_a_link_to_nowhere_is_told(tmp_path):
    make(tmp_path, "gate/1.png", "gate/3.png")
    (tmp_path / "gate" / "2.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(DataError, match=r"2\.png' cannot be read"):
        list_footage(str(tmp_path))


def test_nothing_there_is_told(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        list_footage(str(tmp_path / "absent"))
    with pytest.raises(DataError, match="holds no video and no image"):
        list_footage(str(make(tmp_path, "notes.txt")))
    with pytest.raises(DataError, match=r"b\.mp4' does not exist"):
        list_footage(str(make(tmp_path, "a.mp4")), files=["b.mp4"])


def test_the_digest_tells_what_is_read_and_not_where_it_lies(tmp_path):
    digests = [list_footage(str(make(tmp_path / place, "a.mp4", "b/1.png", "b/2.png"))).digest for place in ("x", "y")]
    assert digests[0] == digests[1]
    (tmp_path / "y" / "a.mp4").write_bytes(b"A.mp4")
    changed = list_footage(str(tmp_path / "y")).digest
    assert changed != digests[0]
    (tmp_path / "y" / "cameras.csv").write_text("file,camera\na.mp4,b\nb,c\n")
    assert list_footage(str(tmp_path / "y")).digest != changed
