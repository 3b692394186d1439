"""No page shows a head unless it is asked to: crops of strips, frames with boxes, and the option that leaves them."""

import json

import numpy as np

from pipeline.report.blurred_heads import blurred_thumbnail
from pipeline.report.html import read_strips
from pipeline.report.page_frames import frames_section
from pipeline.report.page_strips import strips_section
from pipeline.report.run_files import read_run
from tests.unit.report.make_detection_run import make_drawn_frames
from tests.unit.report.make_run import make_run
from tools import report


def make_pictured(tmp_path):
    run = make_run(tmp_path, logs=False)
    (run / "score" / "a0001" / "drawn_frames.json").write_text(json.dumps(make_drawn_frames()))
    return run


def test_crops_of_strips_are_blurred_unless_asked(tmp_path):
    run = read_run(make_pictured(tmp_path))
    strips, problems = read_strips(run)
    assert problems == []
    thumbs = [item["thumb"] for entry in strips["score"]["student_adapted"] for item in entry["results"]]
    plain, blurred = (strips_section(run, strips, show_faces=show) for show in (True, False))
    assert all(thumb in plain and thumb not in blurred for thumb in thumbs)
    assert all(blurred_thumbnail(thumb) in blurred for thumb in thumbs)
    assert "blurred, so that nobody is recognised" in blurred
    assert "blurred" not in plain


def test_boxes_of_all_roles_on_frames_are_blurred_unless_asked(tmp_path):
    run = read_run(make_pictured(tmp_path))
    frames = make_drawn_frames()
    plain, blurred = (frames_section(run, show_faces=show) for show in (True, False))
    for frame in frames:
        boxes = [
            mark["box"]
            for role in frame["roles"].values()
            for kind in ("found", "false", "missed", "ignored")
            for mark in role[kind]
        ]
        assert boxes
        assert frame["image"] in plain
        assert frame["image"] not in blurred
        assert blurred_thumbnail(frame["image"], np.array(boxes)) in blurred
    assert "The upper part of every box is blurred" in blurred
    assert "blurred" not in plain


def test_the_command_blurs_and_can_be_told_not_to(tmp_path, capsys):
    run = make_pictured(tmp_path)
    thumb = read_strips(read_run(run))[0]["score"]["student_direct"][0]["query"]
    pages = []
    for words in ([], [], ["--show-faces"]):
        assert report.main([str(run), *words]) == 0
        pages.append((run / "report.html").read_text())
    assert pages[0] == pages[1]
    assert thumb not in pages[0]
    assert thumb in pages[2]
