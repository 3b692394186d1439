"""Exact values of each detection format, and what each refuses."""

import json

import numpy as np
import pytest
import scipy.io
from PIL import Image

from datasets.caltech import read_caltech
from datasets.caltech_text import parse_bbgt
from datasets.caltech_vbb import parse_vbb
from datasets.citypersons import parse_citypersons_mat, read_citypersons
from datasets.coco import parse_coco, read_coco
from datasets.crowdhuman import parse_odgt, read_crowdhuman
from datasets.frame_folder import read_frame_folder
from datasets.matlab_files import read_matlab
from datasets.mot import parse_gt, read_mot
from datasets.penn_fudan import parse_mask, read_penn_fudan
from datasets.wider_person import parse_wider_person, read_wider_person
from pipeline.errors import ConfigError, DataError
from tests.unit.datasets.frames import ODGT, TREES, VBB_FRAMES, VBB_LABELS, make_vbb, write_images, write_text


def make_tree(kind, root):
    TREES[kind](root)
    return str(root)


def test_coco(tmp_path):
    data = read_coco(make_tree("coco", tmp_path))
    first, second = data.samples
    assert (first.path, first.size, first.camera_id, first.frame) == ("a/1.png", (48, 64), None, None)
    assert (second.path, second.camera_id, second.frame) == ("b/2.png", "2", 5)
    assert first.annotations.boxes.tolist() == [[1.5, 2, 11.5, 32], [20, 2, 30, 32]]
    assert first.annotations.ignore.tolist() == [False, True]
    assert first.annotations.person_ids.tolist() == [4, -1]
    assert len(second.annotations) == 0
    assert data.skipped == {"box of another category": 1}
    assert read_coco(str(tmp_path), category=8).num_boxes == 1
    assert read_coco(str(tmp_path), category="8").num_boxes == 1


def test_coco_extras_and_files_without_categories():
    box = {"id": 1, "image_id": 1, "bbox": [0, 0, 10, 20], "ignore": 1, "vis_bbox": [0, 0, 10, 10], "vis_ratio": 0.4}
    parsed = parse_coco({"images": [{"id": 1, "im_name": "x.png"}], "annotations": [box]})
    (row,) = parsed.frames[0].rows
    assert (row.ignore, row.visible, row.visible_ratio) == (True, (0, 0, 10, 10), 0.4)
    assert parsed.frames[0].size is None


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        ([], "no list 'images'"),
        ({"images": [{}], "annotations": []}, "has no 'id'"),
        ({"images": [{"id": 1}], "annotations": []}, "no file_name"),
        ({"images": [{"id": 1, "file_name": "a"}, {"id": 1, "file_name": "b"}], "annotations": []}, "comes twice"),
        ({"images": [{"id": 1, "file_name": "a"}], "annotations": [{"image_id": 1, "bbox": [1, 2]}]}, "4 numbers"),
        ({"images": [{"id": 1, "file_name": "a"}], "annotations": [{"image_id": 1}]}, "4 numbers"),
        ({"images": [], "annotations": [], "categories": [{"id": 2, "name": "car"}]}, "no category 'person'"),
        ({"images": [{"id": 1, "file_name": "a", "width": 1.5, "height": 2}], "annotations": []}, "whole number"),
    ],
)
def test_wrong_coco_is_refused(tree, message):
    with pytest.raises(DataError, match=message):
        parse_coco(tree)


def test_coco_files_that_are_none(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_coco(str(tmp_path))
    write_text(tmp_path / "annotations.json", "{")
    with pytest.raises(DataError, match="is no JSON"):
        read_coco(str(tmp_path))
    tree = {"images": [{"id": 1, "file_name": "../x.png"}], "annotations": []}
    write_text(tmp_path / "annotations.json", json.dumps(tree))
    with pytest.raises(DataError, match="leads out of"):
        read_coco(str(tmp_path))


def test_annotations_of_another_size_are_refused(tmp_path):
    make_tree("coco", tmp_path)
    write_images(tmp_path, ["a/1.png", "b/2.png"], size=(24, 32))
    with pytest.raises(DataError, match=r"2 of 2 images .* is for 64x48 pixels, the image has 32x24"):
        read_coco(str(tmp_path))


def test_a_few_missing_images_are_counted(tmp_path):
    images = [{"id": i, "file_name": f"{i}.png"} for i in range(10)]
    write_text(tmp_path / "annotations.json", json.dumps({"images": images, "annotations": []}))
    write_images(tmp_path, [f"{i}.png" for i in range(9)])
    data = read_coco(str(tmp_path))
    assert len(data) == 9
    assert data.skipped == {"unusable image": 1}


def test_sizes_are_those_of_the_upright_picture(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.zeros((20, 10, 3), np.uint8)).save(tmp_path / "a.jpg", exif=exif)
    data = read_frame_folder(str(tmp_path))
    assert data.samples[0].size == (10, 20)
    assert data.load(data.samples[0]).shape == (10, 20, 3)


def test_citypersons_mat(tmp_path):
    data = read_citypersons(make_tree("citypersons", tmp_path))
    first, second = data.samples
    assert first.camera_id == "bonn"
    # In uint8 the last box's right edge would be 50 + 255 - 256.
    assert first.annotations.boxes.tolist() == [[2, 3, 22, 43], [30, 3, 50, 23], [40, 3, 50, 23], [50, 3, 305, 33]]
    assert first.annotations.ignore.tolist() == [False, True, True, True]
    assert first.annotations.visible_ratio.tolist() == [0.5, 1, 1, 1]
    assert first.annotations.categories == ("pedestrian", "ignore", "rider", "group")
    assert len(second.annotations) == 0


def test_citypersons_json(tmp_path):
    name = "bonn_000000_000019_leftImg8bit.png"
    write_images(tmp_path / "leftImg8bit" / "val" / "bonn", [name])
    box = {"id": 1, "image_id": 1, "category_id": 1, "iscrowd": 0, "ignore": 1, "bbox": [2, 3, 20, 40],
           "vis_bbox": [2, 3, 10, 40], "height": 40, "vis_ratio": 0.5}  # fmt: skip
    tree = {"images": [{"id": 1, "im_name": name, "height": 48, "width": 64}], "annotations": [box]}
    write_text(tmp_path / "val_gt.json", json.dumps(tree))
    (sample,) = read_citypersons(str(tmp_path), "val").samples
    assert (sample.path, sample.camera_id) == (f"leftImg8bit/val/bonn/{name}", "bonn")
    assert sample.annotations.ignore.tolist() == [True]
    assert sample.annotations.visible.tolist() == [[2, 3, 12, 43]]


def test_wrong_matlab_files_are_refused(tmp_path):
    with pytest.raises(DataError, match="holds nothing"):
        parse_citypersons_mat({"__header__": b""})
    with pytest.raises(DataError, match="city, image name"):
        parse_citypersons_mat({"anno_train_aligned": np.zeros((1, 2))})
    path = tmp_path / "anno_train.mat"
    path.write_bytes(b"MATLAB 5.0 MAT-file, cut short")
    with pytest.raises(DataError, match="cannot be read"):
        read_matlab(path, expected="a mat file")


def test_crowdhuman(tmp_path):
    data = read_crowdhuman(make_tree("crowdhuman", tmp_path))
    first, second = data.samples
    assert first.annotations.boxes.tolist() == [[-4, 5, 16, 55], [30, 5, 50, 25], [40, 5, 49, 25]]
    assert first.annotations.ignore.tolist() == [False, True, True]
    assert first.annotations.categories == ("person", "mask", "person")
    assert np.allclose(first.annotations.visible_ratio, [16 * 43 / 1000, 1, 1])
    assert len(second.annotations) == 0
    clipped = read_crowdhuman(str(tmp_path), clip="frame").samples[0].annotations
    assert clipped.boxes[0].tolist() == [0, 5, 16, 48]
    with pytest.raises(ConfigError, match="clip"):
        read_crowdhuman(str(tmp_path), clip="yes")


@pytest.mark.parametrize(
    ("line", "message"),
    [("{", "line 2 is no JSON"), ("[]", "line 2 has no ID"), ('{"ID": "a", "gtboxes": 3}', "gtboxes is no list"),
     ('{"ID": "a", "gtboxes": [{"tag": "person"}]}', "4 numbers")],
)  # fmt: skip
def test_wrong_odgt_is_refused(line, message):
    with pytest.raises(DataError, match=message):
        parse_odgt(json.dumps(ODGT[1]) + "\n" + line + "\n")


def test_caltech_vbb(tmp_path):
    data = read_caltech(make_tree("caltech", tmp_path))
    empty, full = data.samples
    assert (full.path, full.camera_id, full.frame) == ("images/set06/V000/I00001.png", "set06", 1)
    assert len(empty.annotations) == 0
    boxes = full.annotations
    assert boxes.boxes.tolist() == [[3.5, 4, 13.5, 34], [20, 4, 30, 34], [30, 4, 50, 34], [40, 4, 50, 34]]
    assert boxes.visible_ratio.tolist() == [1, 0.5, 1, 0]
    assert boxes.ignore.tolist() == [False, False, True, False]
    assert read_caltech(str(tmp_path), sets=[6]).num_boxes == 3
    with pytest.raises(DataError, match="no image of"):
        read_caltech(str(tmp_path), sets=["07"])
    with pytest.raises(ConfigError, match="sets"):
        read_caltech(str(tmp_path), sets=["seven"])


def test_vbb_labels_and_frames_that_are_not_there(tmp_path):
    tree = make_vbb(VBB_FRAMES, ["person", "dog", "person?", "ignore"])
    scipy.io.savemat(tmp_path / "v.vbb", tree, appendmat=False)
    parsed, skipped = parse_vbb(read_matlab(tmp_path / "v.vbb", expected="vbb"), [1, 7])
    assert [row.ignore for row in parsed[1]] == [False, True, True]
    assert skipped == {"box of another label": 1, "image after the video's end": 1}
    with pytest.raises(DataError, match="no struct A"):
        parse_vbb({}, [0])
    broken = make_vbb(VBB_FRAMES, VBB_LABELS[:1])
    scipy.io.savemat(tmp_path / "w.vbb", broken, appendmat=False)
    with pytest.raises(DataError, match="another form"):
        parse_vbb(read_matlab(tmp_path / "w.vbb", expected="vbb"), [1])


BBGT = """% bbGt version=3
person 10 4 10 30 0 0 0 0 0 0 0
person 20 4 10 30 1 20 4 10 15 0 0
person 20 4 10 30 1 20 4 10 30 0 0
person 20 4 10 30 0 0 0 0 0 1 0
people 30 4 20 30 0 0 0 0 0 0 0
dog 30 4 20 30 0 0 0 0 0 0 0
"""


def test_caltech_text(tmp_path):
    rows, skipped = parse_bbgt(BBGT)
    assert [row.visible_ratio for row in rows] == [1.0, None, 0.0, 1.0, 1.0]
    assert [row.ignore for row in rows] == [False, False, False, True, True]
    assert skipped == {"box of another label": 1}
    write_images(tmp_path / "images", ["set06_V000_I00029.png", "set06_V000_I00059.png"])
    write_text(tmp_path / "annotations" / "set06_V000_I00029.jpg.txt", BBGT)
    data = read_caltech(str(tmp_path))
    assert len(data) == 1
    assert data.skipped == {"box of another label": 1, "image without an annotation": 1}
    assert data.samples[0].annotations.visible_ratio.tolist() == [1, 0.5, 0, 1, 1]


@pytest.mark.parametrize("text", ["", "person 1 2 3 4\n", "% bbGt version=3\nperson 1 2 3\n", BBGT.replace("10", "x")])
def test_wrong_bbgt_is_refused(text):
    with pytest.raises(DataError):
        parse_bbgt(text)


def test_mot(tmp_path):
    data = read_mot(make_tree("mot", tmp_path))
    assert data.cameras == ("mot17-02-frcnn", "mot17-04-sdp")
    assert [sample.frame for sample in data.samples] == [1, 2, 1, 2]
    first = data.samples[0].annotations
    assert first.boxes.tolist() == [[10, 5, 20, 35], [19, 5, 29, 35], [29, 5, 39, 35]]
    assert first.ignore.tolist() == [False, True, True]
    assert first.visible_ratio.tolist() == [np.float32(0.86), 1, 1]
    assert first.person_ids.tolist() == [1, 2, 3]
    assert len(data.samples[1].annotations) == 0
    assert data.skipped == {
        "box of a frame without an image": 2,
        "box of another class": 2,
        "copy of a sequence under another detector": 1,
    }
    chosen = read_mot(str(tmp_path), ["MOT17-02-SDP"])
    assert chosen.cameras == ("mot17-02-sdp",)
    assert "copy of a sequence under another detector" not in chosen.skipped
    with pytest.raises(ConfigError, match="MOT17-99"):
        read_mot(str(tmp_path), ["MOT17-99"])
    with pytest.raises(ConfigError, match="sequences"):
        read_mot(str(tmp_path), [])


def test_mot_without_gt_is_unlabelled(tmp_path):
    make_tree("mot", tmp_path)
    (tmp_path / "train" / "MOT17-04-SDP" / "gt" / "gt.txt").unlink()
    data = read_mot(str(tmp_path))
    assert [sample.annotations is None for sample in data.samples] == [False, False, True, True]
    assert not data.is_labelled


def test_the_first_mot_release_has_no_classes():
    frames, skipped = parse_gt("1,1,11,6,10,30,1,-1,-1,-1\n2,1,11,6,10,30,1\n")
    assert [rows[0].box for rows in frames.values()] == [(10, 5, 20, 35)] * 2
    assert frames[1][0].visible_ratio == 1.0
    assert not skipped


@pytest.mark.parametrize("line", ["1,1,2,3", "a,1,11,6,10,30,1,1,1", "1.5,1,11,6,10,30,1,1,1", "1,1,x,6,10,30,1,1,1"])
def test_wrong_gt_is_refused(line):
    with pytest.raises(DataError, match=r"gt\.txt line 1"):
        parse_gt(line)


def test_wider_person(tmp_path):
    data = read_wider_person(make_tree("wider_person", tmp_path))
    first, second = data.samples
    assert first.annotations.boxes.tolist() == [[2, 3, 10, 40], [12, 3, 20, 40], [30, 3, 60, 40]]
    assert first.annotations.ignore.tolist() == [False, False, True]
    assert first.annotations.categories == ("pedestrian", "partially visible person", "crowd")
    assert len(second.annotations) == 0
    (tmp_path / "Annotations" / "000041.jpg.txt").unlink()
    assert read_wider_person(str(tmp_path)).samples[1].annotations is None


@pytest.mark.parametrize("text", ["", "2\n1 2 3 4 5\n", "1\n6 2 3 4 5\n", "1\n1 2 3\n", "x\n"])
def test_wrong_wider_person_is_refused(text):
    with pytest.raises(DataError):
        parse_wider_person(text)


def test_penn_fudan(tmp_path):
    data = read_penn_fudan(make_tree("penn_fudan", tmp_path))
    assert data.samples[0].annotations.boxes.tolist() == [[7, 5, 20, 31], [30, 6, 32, 40]]
    assert len(data.samples[1].annotations) == 0
    assert parse_mask(np.ones((1, 1), np.int32))[0].box == (0, 0, 1, 1)


def test_frame_folder(tmp_path):
    data = read_frame_folder(make_tree("frame_folder", tmp_path), camera="folder")
    assert [(s.camera_id, s.frame, s.annotations) for s in data.samples] == [("1", 5, None), ("2", 6, None)]
    assert read_frame_folder(str(tmp_path), camera="unknown").cameras == ()
