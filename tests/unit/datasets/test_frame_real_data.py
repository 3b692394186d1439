"""Readers on real annotations, where the small data folder lies beside the checkout."""

import json
from collections import Counter
from pathlib import Path

import pytest

from datasets.coco import parse_coco
from datasets.frame_cache import load_frames
from datasets.mot import read_mot

DATA = Path(__file__).resolve().parents[3].parent / "shared" / "data"
pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not DATA.is_dir(), reason="the small real data folder is not beside the checkout"),
]


def test_mot17_frames():
    data = read_mot(str(DATA / "mot17_mini"))
    assert (len(data), len(data.cameras), data.num_boxes) == (39, 7, 814)
    assert Counter(sample.size for sample in data.samples) == {(1080, 1920): 33, (480, 640): 6}
    people = {
        (sample.camera_id, int(person))
        for sample in data.samples
        for person, ignored in zip(sample.annotations.person_ids, sample.annotations.ignore, strict=True)
        if not ignored
    }
    assert len(people) == 137
    assert sum(int(sample.annotations.ignore.sum()) for sample in data.samples) == 13 + 14 + 65 + 44


def test_mot17_night_frames_are_scaled():
    data = read_mot(str(DATA / "mot17_mini"), ["MOT17-05-FRCNN"])
    kept, cache = load_frames(data, size=(192, 320))
    assert len(kept) == len(cache) == 6
    assert cache[0].shape == (192, 256, 3)
    assert cache.factors == (0.4,) * 6


def test_coco_truth():
    tree = json.loads((DATA / "coco_eval" / "instances_val2014_100.json").read_text())
    parsed = parse_coco(tree)
    rows = [row for frame in parsed.frames for row in frame.rows]
    persons = [box for box in tree["annotations"] if box["category_id"] == 1]
    assert len(parsed.frames) == 100
    assert len(rows) == len(persons)
    assert sum(row.ignore for row in rows) == sum(box["iscrowd"] for box in persons)
    assert parsed.skipped == {"box of another category": 839 - len(persons)}
