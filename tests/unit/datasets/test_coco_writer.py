"""COCO json of street frames."""

import json

import numpy as np
import pytest

from datasets.coco_writer import coco_tree, write_coco
from datasets.frame_records import FrameData, FrameSample
from pipeline.detection_types import FrameBoxes
from pipeline.errors import DataError


def make_boxes(rows):
    """Make annotations of (box, visible, ratio, ignore, person, category) rows."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * 6
    return FrameBoxes(
        boxes=np.array(columns[0], np.float32).reshape(-1, 4),
        visible=np.array(columns[1], np.float32).reshape(-1, 4),
        visible_ratio=np.array(columns[2], np.float32),
        ignore=np.array(columns[3], bool),
        person_ids=np.array(columns[4], np.int64),
        categories=tuple(columns[5]),
    )


def make_data(*annotations):
    samples = tuple(
        FrameSample(f"{index}.jpg", (48, 64), "1", "toy", frame=7 * index, annotations=marks)
        for index, marks in enumerate(annotations)
    )
    return FrameData("toy", samples, lambda sample: np.zeros((48, 64, 3), np.uint8), digest="")


ROWS = [
    ((-4.0, 2.0, 16.0, 42.0), (0.0, 2.0, 16.0, 42.0), 0.8, False, 3, "pedestrian"),
    ((30.0, 5.5, 34.0, 9.5), (30.0, 5.5, 34.0, 9.5), 1.0, True, -1, "crowd"),
]


def test_tree_of_known_boxes():
    tree = coco_tree(make_data(make_boxes([]), make_boxes(ROWS)))
    assert tree["categories"] == [{"id": 1, "name": "person", "supercategory": "person"}]
    assert tree["images"][1] == {
        "id": 2, "file_name": "1.jpg", "height": 48, "width": 64, "camera": "1", "frame": 7,
    }  # fmt: skip
    assert len(tree["images"]) == 2
    assert tree["annotations"] == [
        {
            "id": 1, "image_id": 2, "category_id": 1, "bbox": [-4.0, 2.0, 20.0, 40.0], "area": 800.0, "iscrowd": 0,
            "ignore": 0, "height": 40.0, "vis_bbox": [0.0, 2.0, 16.0, 40.0], "vis_ratio": 0.8, "person_id": 3,
            "label": "pedestrian",
        },
        {
            "id": 2, "image_id": 2, "category_id": 1, "bbox": [30.0, 5.5, 4.0, 4.0], "area": 16.0, "iscrowd": 1,
            "ignore": 1, "height": 4.0, "vis_bbox": [30.0, 5.5, 4.0, 4.0], "vis_ratio": 1.0, "person_id": -1,
            "label": "crowd",
        },
    ]  # fmt: skip


def test_numbers_of_annotations_run_through_all_images():
    tree = coco_tree(make_data(make_boxes(ROWS), make_boxes([]), make_boxes(ROWS)))
    assert [row["id"] for row in tree["annotations"]] == [1, 2, 3, 4]
    assert [row["image_id"] for row in tree["annotations"]] == [1, 1, 3, 3]


def test_the_file_holds_the_tree_and_is_the_same_twice(tmp_path):
    data = make_data(make_boxes(ROWS), make_boxes([]))
    for name in ("a.json", "deep/b.json"):
        write_coco(tmp_path / name, data)
    text = (tmp_path / "a.json").read_text()
    assert json.loads(text) == coco_tree(data)
    assert text == (tmp_path / "deep/b.json").read_text()


def test_no_frames_and_no_boxes_are_valid(tmp_path):
    write_coco(tmp_path / "none.json", make_data())
    tree = json.loads((tmp_path / "none.json").read_text())
    assert tree["images"] == tree["annotations"] == []


def test_unlabelled_frames_are_refused():
    with pytest.raises(DataError, match="nobody annotated"):
        coco_tree(make_data(make_boxes(ROWS)).without_labels())
