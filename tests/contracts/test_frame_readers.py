"""What every listed reader of street frames must do; a new entry is tested the moment it is in the table."""

import inspect
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasets.frame_kinds import FRAME_KINDS
from datasets.frame_records import FrameData
from pipeline.errors import DataError
from tests.unit.datasets.frames import TREES

WORLD = {"domain": "sunny_plaza", "cameras": 1, "frames": 2, "size": (48, 80)}
FOLDERS = [kind for kind in FRAME_KINDS if kind != "world_frames"]


def read(kind: str, root: Path) -> FrameData:
    if kind == "world_frames":
        return FRAME_KINDS[kind](**WORLD)
    if not root.exists():
        root.mkdir(parents=True)
        TREES[kind](root)
    return FRAME_KINDS[kind](root=str(root))


def images_of(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*.png") if not path.stem.endswith("_mask"))


def test_every_reader_is_tried():
    assert set(TREES) | {"world_frames"} == set(FRAME_KINDS)


@pytest.mark.parametrize("kind", FRAME_KINDS)
def test_arguments_are_keyword_only_and_annotated(kind):
    for parameter in inspect.signature(FRAME_KINDS[kind]).parameters.values():
        assert parameter.kind is inspect.Parameter.KEYWORD_ONLY, parameter.name
        assert parameter.annotation is not inspect.Parameter.empty, parameter.name


@pytest.mark.parametrize("kind", FRAME_KINDS)
def test_frames_are_sorted_and_as_large_as_listed(kind, tmp_path):
    data = read(kind, tmp_path / "site")
    paths = [sample.path for sample in data.samples]
    assert paths == sorted(set(paths))
    assert not any(path.startswith("/") or "\\" in path or ".." in path for path in paths)
    for sample in data.samples:
        pixels = data.load(sample)
        assert pixels.shape == (*sample.size, 3)
        assert pixels.dtype == np.uint8
        assert sample.camera_id != ""


@pytest.mark.parametrize("kind", FRAME_KINDS)
def test_boxes_have_area_and_touch_their_frame(kind, tmp_path):
    data = read(kind, tmp_path / "site")
    assert data.is_labelled == (kind != "frame_folder")
    for sample in data.samples if data.is_labelled else ():
        boxes = sample.annotations
        assert (boxes.boxes.dtype, boxes.visible.dtype, boxes.visible_ratio.dtype) == (np.float32,) * 3
        assert (boxes.ignore.dtype, boxes.person_ids.dtype) == (bool, np.int64)
        assert (boxes.boxes[:, 2:] > boxes.boxes[:, :2]).all()
        assert (boxes.boxes[:, 2:] > 0).all()
        assert (boxes.boxes[:, :2] < np.array(sample.size[::-1])).all()
        assert ((boxes.visible_ratio >= 0) & (boxes.visible_ratio <= 1)).all()


@pytest.mark.parametrize("kind", FRAME_KINDS)
def test_labels_can_be_removed(kind, tmp_path):
    data = read(kind, tmp_path / "site")
    bare = data.without_labels()
    assert {sample.annotations for sample in bare.samples} == {None}
    assert bare.num_boxes == 0
    assert bare.cameras == data.cameras


@pytest.mark.parametrize("kind", FRAME_KINDS)
def test_reading_twice_or_elsewhere_gives_the_same_digest(kind, tmp_path):
    first = read(kind, tmp_path / "a" / "site")
    assert read(kind, tmp_path / "a" / "site").digest == first.digest
    assert len(first.digest) == 64
    if (tmp_path / "a").exists():
        shutil.move(tmp_path / "a", tmp_path / "b")
        assert read(kind, tmp_path / "b" / "site").digest == first.digest


@pytest.mark.parametrize("kind", FOLDERS)
def test_other_pixels_give_another_digest(kind, tmp_path):
    first = read(kind, tmp_path / "site").digest
    chosen = images_of(tmp_path / "site")[0]
    pixels = np.array(Image.open(chosen))
    pixels[0, 0] ^= 255
    Image.fromarray(pixels).save(chosen)
    assert read(kind, tmp_path / "site").digest != first


@pytest.mark.parametrize("kind", FRAME_KINDS)
def test_loaders_travel_to_data_workers(kind, tmp_path):
    data = read(kind, tmp_path / "site")
    copy = pickle.loads(pickle.dumps(data))
    assert np.array_equal(copy.load(copy.samples[0]), data.load(data.samples[0]))


@pytest.mark.parametrize("kind", FOLDERS)
def test_damaged_images_are_refused_in_one_sentence(kind, tmp_path):
    read(kind, tmp_path / "site")
    for path in images_of(tmp_path / "site"):
        path.write_bytes(b"no image")
    with pytest.raises(DataError, match="no known image format") as error:
        read(kind, tmp_path / "site")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", FOLDERS)
def test_a_folder_of_something_else_is_refused(kind, tmp_path):
    (tmp_path / "notes.md").write_text("nothing here")
    with pytest.raises(DataError):
        FRAME_KINDS[kind](root=str(tmp_path))
    with pytest.raises(DataError, match="does not exist"):
        FRAME_KINDS[kind](root=str(tmp_path / "absent"))
