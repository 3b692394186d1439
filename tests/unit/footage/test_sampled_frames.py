"""What sampling goes on from comes back as it was, and frames are written with their table."""

import csv

import numpy as np
import pytest

from pipeline.errors import CheckpointError
from pipeline.footage.reading import ReadingPlace
from pipeline.footage.records import VideoFrame
from pipeline.footage.sampled_frames import COLUMNS, SamplingState, write_moments, write_table
from pipeline.footage.sampling import FrameSampler
from pipeline.footage.spread_choice import Moment


def test_a_state_comes_back(tmp_path):
    state = SamplingState(
        camera=1, place=ReadingPlace(2, 30, 4.5, 9, {"a fault": 1}), first=33, looks=12, rows=[["a/1.jpg", "a", "1"]],
        faults={"a": {"b": 2}}, kept=[Moment(0.5, 0.25, 7, b"jpeg"), Moment(2.0, 0.0, 20, b"other")],
        before=np.arange(6, dtype=np.float32).reshape(2, 3),
    )  # fmt: skip
    state.save(tmp_path)
    read = SamplingState.load(tmp_path)
    assert (read.camera, read.place, read.first, read.looks) == (1, state.place, 33, 12)
    assert (read.rows, read.faults, read.kept) == (state.rows, state.faults, state.kept)
    assert [moment.content for moment in read.kept] == [b"jpeg", b"other"]
    np.testing.assert_array_equal(read.before, state.before)


def test_a_fresh_state_comes_back_and_a_broken_one_is_told(tmp_path):
    SamplingState().save(tmp_path)
    assert SamplingState.load(tmp_path) == SamplingState()
    (tmp_path / "sampling.json").write_text('{"camera": 0}')
    with pytest.raises(CheckpointError, match="is no point of sampled frames"):
        SamplingState.load(tmp_path)


def test_frames_are_written_with_a_table_that_names_them(tmp_path):
    sampler = FrameSampler(2, 1.0)
    image = np.full((20, 30, 3), 80, np.uint8)
    for number in range(4):
        shown = image.copy()
        shown[:, : 5 * number] = 200
        sampler.look(VideoFrame(number, float(number), shown))
    assert len(sampler.moments) == 2
    rows = write_moments(tmp_path, "Hof 1", sampler.moments)
    name = write_table(tmp_path, rows)
    with (tmp_path / name).open(newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert tuple(table[0]) == COLUMNS
    assert all((tmp_path / "frames" / row["path"]).is_file() for row in table)
    assert all(float(row["motion"]) > 0 for row in table)
