"""Writing and reading back: boxes come back equal in every format, and what is lost is said."""

import csv
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.box_rows import BoxRow
from datasets.frame_kinds import FRAME_KINDS
from datasets.frame_writers import FRAME_WRITERS, not_held
from pipeline.errors import DataError
from tests.unit.datasets.frames import TREES, make_boxes, make_frames, write_images
from tools.convert_detection import main, write_set

READERS = {"caltech_text": "caltech", "citypersons_json": "citypersons"}
_QUARTER = st.integers(-400, 800).map(lambda n: n / 4)
_BOX = st.tuples(_QUARTER, _QUARTER, st.integers(1, 400), st.integers(1, 400)).map(
    lambda b: (b[0], b[1], b[0] + b[2] / 4, b[1] + b[3] / 4)
)
_ROW = st.builds(BoxRow, _BOX, st.none() | _BOX, st.none(), st.booleans(), st.integers(-1, 9))
_FRAMES = st.lists(st.lists(_ROW, max_size=4), min_size=1, max_size=4)


def read_back(root, kind):
    return FRAME_KINDS[READERS.get(kind, kind)](root=str(root))


def convert(data, kind):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "site"
        written = FRAME_WRITERS[kind](data)
        write_set(root, data, written, with_images=True)
        back = read_back(root, kind)
        by_path = {sample.path: sample for sample in back.samples}
        return [by_path[written.images[sample.path]] for sample in data.samples]


@pytest.mark.parametrize("kind", FRAME_WRITERS)
@given(_FRAMES)
@settings(max_examples=12, deadline=None)
def test_boxes_come_back_equal(kind, frames):
    data = make_frames([make_boxes(*rows) for rows in frames])
    for before, after in zip(data.samples, convert(data, kind), strict=True):
        assert after.size == before.size
        assert np.array_equal(after.annotations.boxes, before.annotations.boxes)
        assert np.array_equal(after.annotations.ignore, before.annotations.ignore)


@pytest.mark.parametrize("kind", ["coco", "citypersons_json", "crowdhuman"])
@given(_FRAMES)
@settings(max_examples=10, deadline=None)
def test_visible_extents_come_back_equal(kind, frames):  # ratios are rounded to four decimals in json
    data = make_frames([make_boxes(*rows) for rows in frames])
    for before, after in zip(data.samples, convert(data, kind), strict=True):
        assert np.array_equal(after.annotations.visible, before.annotations.visible)
        assert np.allclose(after.annotations.visible_ratio, before.annotations.visible_ratio, atol=1e-4)


def test_coco_keeps_everything():
    row = BoxRow((1.25, 2, 9, 30), (1.25, 2, 9, 10), 0.125, True, 7, "rider")
    data = make_frames([make_boxes(row), make_boxes()])
    back = convert(data, "coco")
    assert back[0].annotations.visible_ratio.tolist() == [0.125]
    assert back[0].annotations.person_ids.tolist() == [7]
    assert [(s.camera_id, s.frame) for s in back] == [("1", 0), ("2", 1)]
    assert back[0].annotations.categories == ("rider",)
    assert not_held(data, "coco") == ()


def test_mot_keeps_cameras_persons_and_ratios():
    data = make_frames([make_boxes(BoxRow((1, 2, 9, 30), None, 0.5, False, 7), (1, 2, 5, 9)), make_boxes()])
    back = convert(data, "mot")
    assert back[0].annotations.person_ids.tolist() == [7, 8]
    assert back[0].annotations.visible_ratio.tolist() == [0.5, 1]
    assert [(s.camera_id, s.frame) for s in back] == [("1", 1), ("2", 1)]


def test_caltech_keeps_what_is_hidden():
    rows = [
        BoxRow((0, 0, 8, 16), (0, 0, 8, 4)),
        BoxRow((0, 0, 8, 16), (0, 0, 8, 16), 0.0),
        BoxRow((0, 0, 8, 16), None, 0.5),
    ]
    back = convert(make_frames([make_boxes(*rows)]), "caltech_text")
    # The last ratio has no visible box to tell it.
    assert back[0].annotations.visible_ratio.tolist() == [0.25, 0, 1]


def test_what_is_lost_is_named():
    data = make_frames([make_boxes(BoxRow((1, 2, 9, 30), (1, 2, 9, 10), 0.9, False, 7, "rider"))])
    assert not_held(data, "wider_person") == (
        "cameras",
        "frame numbers",
        "person ids",
        "visible boxes",
        "visible ratios",
    )
    assert not_held(data, "coco") == ()
    assert not_held(data, "mot") == ("frame numbers", "visible boxes", "class names")


def test_names_that_would_collide_are_refused():
    data = make_frames([make_boxes(), make_boxes()])
    names = ("a/b.png", "a_b.png")
    twins = replace(data, samples=tuple(replace(s, path=n) for s, n in zip(data.samples, names, strict=True)))
    with pytest.raises(DataError, match="both be called 'a_b'"):
        FRAME_WRITERS["crowdhuman"](twins)


@pytest.mark.parametrize("kind", FRAME_WRITERS)
def test_unlabelled_frames_are_refused(kind):
    with pytest.raises(DataError, match="annotat"):
        FRAME_WRITERS[kind](make_frames().without_labels())


@pytest.mark.parametrize("target", FRAME_WRITERS)
def test_tool_converts_mot(target, tmp_path, capsys):
    TREES["mot"](tmp_path / "mot")
    words = [str(tmp_path / "mot"), str(tmp_path / "out"), "--from", "mot", "--to", target, "--images", "copy"]
    assert main([*words, "--with", 'sequences=["MOT17-02-SDP"]']) == 0
    captured = capsys.readouterr()
    assert "2 frames, 1 people, 2 ignored regions" in captured.out
    if target == "coco":
        assert captured.err == ""
    else:
        assert captured.err.startswith(f"note: {target} cannot hold")
        assert captured.err.count("\n") == 1
    back = read_back(tmp_path / "out", target)
    assert sorted(len(s.annotations) for s in back.samples) == [0, 3]
    if target != "coco":
        rows = list(csv.DictReader((tmp_path / "out" / "sources.csv").open()))
        assert {row["source"] for row in rows} == {f"train/MOT17-02-SDP/img1/00000{i}.png" for i in (1, 2)}


def test_tool_refuses_in_one_line(tmp_path, capsys):
    TREES["coco"](tmp_path / "coco")
    write_images(tmp_path / "bare", ["1.png"])
    source, out = str(tmp_path / "coco"), str(tmp_path / "out")
    for words, message in (
        ([source, out, "--from", "cooc", "--to", "mot"], "--from cooc"),
        ([source, out, "--from", "coco", "--to", "mto"], "--to mto"),
        ([source, out, "--from", "coco", "--to", "mot", "--with", "folder=x"], "no setting 'folder'"),
        ([source, out, "--from", "coco", "--to", "mot", "--with", "folder"], "NAME=VALUE"),
        ([source, out, "--from", "coco", "--to", "mot", "--split", "val"], "no setting 'split'"),
        ([source, source, "--from", "coco", "--to", "mot"], "not empty"),
        ([str(tmp_path / "bare"), out, "--from", "frame_folder", "--to", "coco"], "nobody annotated"),
        ([str(tmp_path / "bare"), out, "--from", "frame_folder", "--to", "crowdhuman"], "has no annotations"),
    ):
        assert main(words) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1


def test_tool_writes_the_world(tmp_path):
    words = ["sunny_plaza", str(tmp_path / "out"), "--from", "world_frames", "--to", "coco", "--images", "copy"]
    assert main([*words, "--with", "frames=1", "--with", "cameras=1", "--with", "size=[48, 80]"]) == 0
    data = FRAME_KINDS["coco"](root=str(tmp_path / "out"))
    assert [sample.size for sample in data.samples] == [(48, 80)]
