import base64
import io
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pipeline.detection_types import Detections
from pipeline.report.frames_drawn import FrameOutcome, choose_frames, make_drawn_frame
from tests.references import frames_drawn as reference
from tests.unit.report.make_detection_run import make_outcome

NOBODY = np.zeros((0, 4), np.float32)
NOTHING = Detections(NOBODY, np.zeros(0, np.float32))
EMPTY = FrameOutcome(NOTHING, NOTHING, NOTHING, NOBODY, NOBODY, 1.0)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 2), max_size=30), st.integers(0, 12))
def test_choice_equals_the_loops(counts, count):
    chosen = choose_frames(counts, count=count)
    assert chosen == reference.choose_frames(counts, count)
    assert len(set(chosen)) == len(chosen) == min(count, len(counts))


def test_frames_with_people_come_first_and_lie_evenly():
    assert choose_frames([3] * 12, count=3) == [2, 6, 10]
    assert choose_frames([0, 0, 1, 0, 0, 5], count=2) == [2, 5]
    assert choose_frames([0, 0, 1, 0], count=2) == [1, 2]
    assert choose_frames([], count=4) == []


def test_entry_is_plain_json_with_boxes_as_shares_of_the_frame():
    entry = json.loads(
        json.dumps(make_drawn_frame(np.zeros((90, 160, 3), np.uint8), {"a": make_outcome(1)}, label="x"))
    )
    drawn = entry["roles"]["a"]
    assert (entry["label"], entry["size"], drawn["threshold"]) == ("x", [90, 160], 0.42)
    assert drawn["found"] == [{"box": [0.0562, 0.2333, 0.1938, 0.8778], "score": 0.9}]
    assert len(drawn["missed"]) == 3
    assert all("score" not in mark for mark in drawn["missed"])
    # A region that reaches beyond the frame stays where it is; the detection inside it has a score.
    assert drawn["ignored"][0] == {"box": [0.375, -0.0889, 0.625, 0.2667]}
    assert drawn["ignored"][1]["score"] == 0.5


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [(1080, 1920, (640, 360)), (1200, 600, (320, 640)), (480, 640, (640, 480)), (90, 160, (160, 90)), (1, 1, (1, 1))],
)
def test_pictures_are_bounded_and_never_grow(height, width, expected):
    entry = make_drawn_frame(np.zeros((height, width, 3), np.uint8), {"a": EMPTY}, label="")
    picture = Image.open(io.BytesIO(base64.b64decode(str(entry["image"]), validate=True)))
    assert picture.format == "JPEG"
    assert picture.size == expected


def test_frame_without_boxes_has_empty_lists():
    drawn = make_drawn_frame(np.zeros((4, 4, 3), np.uint8), {"a": EMPTY}, label="")["roles"]["a"]
    assert drawn == {"threshold": 1.0, "found": [], "false": [], "missed": [], "ignored": []}
