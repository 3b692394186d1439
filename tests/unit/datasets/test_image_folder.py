"""Bare folders: no labels, and a cautious guess of the cameras."""

import pytest

from datasets.camera_guess import guess_cameras
from datasets.image_folder import read_image_folder
from pipeline.errors import ConfigError, DataError
from tests.unit.datasets.crops import make_files


def _names(folders, count):
    return tuple(f"{folder}/{i:05d}.jpg" for folder in folders for i in range(count))


def _cameras(names):
    return set(guess_cameras(tuple(sorted(names))).values())


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{i:04d}_c{c}s1_000451_03.jpg", {"1", "2"}),
        ("{i:04d}_c{c}.jpg", {"1", "2"}),
        ("cam{c}_{i:04d}.png", {"1", "2"}),
        ("{i:04d}-camera-{c}.png", {"1", "2"}),
        ("x/y/Cam_{c}_{i}.png", {"1", "2"}),
        ("{i:04d}C{c}T0001F001.jpg", {"1", "2"}),
        ("abc{c}_{i}.jpg", set()),
        ("{i:04d}_000_0{c}_0303morning.jpg", set()),
    ],
)
def test_tokens_in_names(template, expected):
    assert _cameras(template.format(c=c, i=i) for c in (1, 2) for i in range(10)) == expected


def test_tokens_of_a_part_of_the_images_are_no_cameras():
    assert not _cameras([f"{i}_c1.jpg" for i in range(5)] + [f"{i}.jpg" for i in range(5)])


def test_a_running_number_is_no_camera():
    assert not _cameras(f"frame_c{i}.jpg" for i in range(200))


@pytest.mark.parametrize(
    ("folders", "count", "is_camera"),
    [
        (["cam1", "cam2"], 1, True),
        (["camera_lobby", "camera_gate"], 1, True),
        (["lobby", "gate"], 40, True),
        (["1", "2", "3"], 40, True),
        (["lobby", "gate"], 3, False),
        (["0001", "0002", "0003"], 40, False),
        (["person_1", "person_2"], 40, False),
        (["2024-05-01", "2024-05-02"], 40, False),
        (["train", "test"], 40, False),
        ([f"p{i}x" for i in range(80)], 40, False),
        (["only"], 40, False),
    ],
)
def test_sub_folders(folders, count, is_camera):
    assert _cameras(_names(folders, count)) == (set(folders) if is_camera else set())
    assert _cameras(_names([f"dump/{folder}" for folder in folders], count)) == (set(folders) if is_camera else set())


def test_labels_in_names_are_never_read(tmp_path):
    make_files(tmp_path, [f"{p:04d}_c{c}s1_{f:06d}_01.png" for p in (1, 2) for c in (1, 2) for f in range(4)])
    data = read_image_folder(str(tmp_path))
    assert {s.person_id for s in data.samples} == {None}
    assert data.cameras == ("1", "2")
    assert data.samples[1].frame == 100_000_001


def test_explicit_cameras(tmp_path):
    root = str(make_files(tmp_path, ["East/1.png", "west/2.png", "3.png"]))
    assert [s.camera_id for s in read_image_folder(root, camera="folder").samples] == [None, "east", "west"]
    assert read_image_folder(root, camera="unknown").cameras == ()
    assert read_image_folder(root, camera=r"(?P<camera>\d)\.png").cameras == ("1", "2", "3")


def test_csv_gives_cameras_and_its_persons_are_ignored(tmp_path):
    make_files(tmp_path, ["1.png", "2.png"])
    (tmp_path / "cameras.csv").write_text("path,camera,frame,tracklet,person,seconds\n1.png,cam 3,12,t1,99,0.5\n")
    first, second = read_image_folder(str(tmp_path), csv="cameras.csv").samples
    assert (first.camera_id, first.frame, first.tracklet_id, first.person_id) == ("3", 12, "t1", None)
    assert (first.seconds, second.camera_id, second.seconds) == (0.5, None, None)


def test_refusals(tmp_path):
    root = str(make_files(tmp_path, ["1.png"]))
    with pytest.raises(DataError, match="no image fits the camera pattern"):
        read_image_folder(root, camera="(?P<camera>x)")
    with pytest.raises(ConfigError, match="lacks group camera"):
        read_image_folder(root, camera="cam")
    with pytest.raises(ConfigError, match="person group"):
        read_image_folder(root, camera=r"(?P<person>\d)(?P<camera>x)")
    with pytest.raises(ConfigError, match="together with a csv"):
        read_image_folder(root, camera="folder", csv="a.csv")
    (tmp_path / "a.csv").write_text("path,camera\nother.png,1\n")
    with pytest.raises(DataError, match="gets a camera"):
        read_image_folder(root, csv="a.csv")
