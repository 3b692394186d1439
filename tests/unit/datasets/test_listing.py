"""Listings: order, what is passed over, and the refusals."""

import pytest

from datasets.file_data import file_data
from datasets.listing import find_layout, list_images, open_root
from datasets.records import ReIDSample
from pipeline.errors import DataError
from tests.unit.datasets.crops import make_files


def test_names_are_sorted_and_relative(tmp_path):
    make_files(tmp_path, ["b/2.png", "a/3.JPG", "c.png"])
    assert list_images(tmp_path).names == ("a/3.JPG", "b/2.png", "c.png")
    assert list_images(tmp_path, recursive=False).names == ("c.png",)


def test_hidden_and_foreign_files_are_counted(tmp_path):
    make_files(tmp_path, ["a.png", "._a.png", ".cache/b.png", "__MACOSX/c.png"])
    (tmp_path / "Thumbs.db").write_bytes(b"x")
    listing = list_images(tmp_path)
    assert listing.names == ("a.png",)
    assert listing.skipped == {"hidden file": 1, "file of another type": 1}


def test_link_circle_ends(tmp_path):
    make_files(tmp_path, ["a/1.png"])
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    assert list_images(tmp_path).names == ("a/1.png",)


def test_empty_folder_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(DataError, match=r"holds no image \(1 x file of another type\)"):
        list_images(tmp_path)


def test_missing_root_and_file_root_are_refused(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        open_root(str(tmp_path / "absent"))
    (tmp_path / "data.zip").write_bytes(b"x")
    with pytest.raises(DataError, match="is a file"):
        open_root(str(tmp_path / "data.zip"))


@pytest.mark.parametrize("name", ["DukeMTMC-reID", "dukemtmc", "Occluded_Duke", "duke-mtmc"])
def test_withdrawn_data_is_refused_by_its_folder(tmp_path, name):
    root = make_files(tmp_path / name, ["a.png"])
    with pytest.raises(DataError, match="withdrew in 2019"):
        open_root(str(root))
    with pytest.raises(DataError, match="withdrew in 2019"):
        list_images(tmp_path)


def test_withdrawn_data_is_refused_by_its_readme(tmp_path):
    (tmp_path / "README.md").write_text("# DukeMTMC-reID\n")
    with pytest.raises(DataError, match="not supported"):
        open_root(str(tmp_path))


def test_layout_is_found_one_folder_down_but_never_guessed(tmp_path):
    (tmp_path / "one" / "query").mkdir(parents=True)
    assert find_layout(tmp_path, ("query",)) == tmp_path / "one"
    (tmp_path / "two" / "query").mkdir(parents=True)
    with pytest.raises(DataError, match=r"several data sets \(one, two\)"):
        find_layout(tmp_path, ("query",))


def test_digest_follows_contents_and_labels_but_not_the_place(tmp_path):
    def digest(root, person=1):
        return file_data(root, [ReIDSample("1.png", person, "1", "x")], skipped={}, part="train").digest

    first = make_files(tmp_path / "first", ["1.png"])
    second = make_files(tmp_path / "second", ["1.png"])
    assert digest(first) == digest(second)
    assert digest(first) != digest(first, person=2)
    (second / "1.png").write_bytes(b"other")
    assert digest(first) != digest(second)
