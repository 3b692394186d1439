"""Street frames as a folder, and their contact sheet."""

import json

import cv2
import numpy as np
import pytest

from datasets.world.frames.reader import read_world_frames
from datasets.world.frames.sheet import make_frame_sheet, with_boxes
from pipeline.errors import DataError
from tools.make_world import main

SMALL = ["--frames", "--domain", "random-4", "--cameras", "2", "--frames-per-camera", "3", "--frame-size", "96x160"]


def make_frames(**changes):
    return read_world_frames("random-4", 0, **({"cameras": 2, "frames": 3, "size": (96, 160)} | changes))


def test_tool_writes_images_and_annotations(tmp_path, capsys):
    out = tmp_path / "streets"
    assert main([str(out), *SMALL]) == 0
    assert "12 images" in capsys.readouterr().out
    assert sorted(path.name for path in out.iterdir()) == ["README.txt", "annotations", "test", "train"]
    for split in ("train", "test"):
        data = make_frames(split=split)
        tree = json.loads((out / "annotations" / f"{split}.json").read_text())
        assert [image["file_name"] for image in tree["images"]] == [sample.path for sample in data.samples]
        assert sum(not row["ignore"] for row in tree["annotations"]) == data.num_boxes
        image = cv2.imread(str(out / split / data.samples[0].path))
        assert np.abs(cv2.cvtColor(image, cv2.COLOR_BGR2RGB).astype(int) - data.load(data.samples[0])).mean() < 8
    assert "make_world.py" in (out / "README.txt").read_text()


def test_tool_refuses_a_folder_with_something_in_it(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("mine")
    assert main([str(tmp_path), *SMALL]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "is not empty" in message


@pytest.mark.parametrize("words", [["--frames-per-camera", "0"], ["--frame-size", "8x8"], ["--domain", "nowhere"]])
def test_tool_reports_a_wrong_number_in_one_line(tmp_path, capsys, words):
    assert main([str(tmp_path / "out"), *SMALL, *words]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_sheet_has_rows_of_frames(tmp_path):
    assert main(["--sheet", str(tmp_path / "sheet.png"), *SMALL]) == 0
    assert cv2.imread(str(tmp_path / "sheet.png")).shape == (8 * 100 + 4, 3 * 164 + 4, 3)


def test_boxes_are_drawn_on_a_copy():
    data = make_frames()
    sample = max(data.samples, key=lambda entry: len(entry.annotations))
    image = data.load(sample)
    before = image.copy()
    assert (with_boxes(image, sample) != image).any()
    np.testing.assert_array_equal(image, before)
    with pytest.raises(DataError, match="no annotations"):
        make_frame_sheet(data.without_labels(), columns=1, rows=1)
