"""The file of made images, the crops that it becomes, and what is said of them."""

import numpy as np
import pytest

from datasets.cache import load_pixels
from datasets.labels import camera_indices, class_labels
from pipeline.checkpoint import load_model, save_tensors
from pipeline.errors import CheckpointError
from pipeline.report.page_made import SHEET, made_figures
from pipeline.report.stage_files import StageFiles
from pipeline.training.made_images import MadeImages, contact_sheet, leave_made_images, load_made_images, recognition
from tests.unit.training.test_inversion import make_teacher


def make_images(count=5, size=(8, 4)):
    pixels = np.random.default_rng(0).integers(0, 256, (count, *size, 3), dtype=np.uint8)
    return MadeImages(pixels, np.array([2, 0, 2, 5, 0][:count], np.int64), identities=7)


def test_a_file_gives_back_what_was_put_in(tmp_path):
    made = make_images()
    name = leave_made_images(tmp_path, made, meta={"teacher": "pretrain.best"})
    found = load_made_images(tmp_path / name)
    assert (found.pixels == made.pixels).all()
    assert (found.labels == made.labels).all()
    assert found.identities == 7


def test_images_become_labelled_crops_of_unknown_cameras():
    made = make_images()
    data = made.as_data("invert.images")
    labels, persons = class_labels(data)
    assert np.array(persons)[labels].tolist() == made.labels.tolist()
    assert camera_indices(data).tolist() == [-1] * 5
    kept, cache = load_pixels(data, size=(8, 4))
    assert len(kept) == 5
    assert (cache.pixels == made.pixels).all()


def test_other_pixels_or_persons_are_other_data():
    made = make_images()
    pixels = made.pixels.copy()
    pixels[0, 0, 0, 0] ^= 1
    others = [MadeImages(pixels, made.labels, 7), MadeImages(made.pixels, made.labels[::-1].copy(), 7)]
    assert len({each.as_data("made").digest for each in [made, *others]}) == 3


def test_another_file_is_refused(tmp_path):
    save_tensors(tmp_path / "plain.safetensors", {})
    with pytest.raises(CheckpointError, match="not written by crosscam"):
        load_made_images(tmp_path / "plain.safetensors")
    leave_made_images(tmp_path, make_images(), meta={})
    with pytest.raises(CheckpointError, match=r"holds images and no network; .* belongs to the setting images"):
        load_model(tmp_path / "images.safetensors")


def test_a_sheet_shows_the_first_images(tmp_path):
    made = make_images()
    sheet = contact_sheet(made, rows=2, columns=2)
    assert sheet.shape == (2 * 8 + 3 * 2, 2 * 4 + 3 * 2, 3)
    assert (sheet[2:10, 2:6] == made.pixels[0]).all()
    assert (sheet[12:20, 8:12] == made.pixels[3]).all()
    assert contact_sheet(made, rows=9, columns=9).shape == (8 + 4, 5 * 6 + 2, 3)
    leave_made_images(tmp_path, made, meta={})
    assert (tmp_path / SHEET).is_file()
    (shown,) = made_figures(StageFiles("invert", tmp_path))
    assert "data:image/png;base64," in shown
    assert made_figures(StageFiles("invert", tmp_path / "nowhere")) == []
    assert made_figures(StageFiles("invert")) == []


def test_recognition_counts_what_the_teacher_says():
    teacher = make_teacher()
    pixels = np.random.default_rng(0).integers(0, 256, (6, 32, 16, 3), dtype=np.uint8)
    first = recognition(teacher, MadeImages(pixels, np.zeros(6, np.int64), 3), batch=4)
    shares = [recognition(teacher, MadeImages(pixels, np.full(6, c, np.int64), 3))["recognised"] for c in range(3)]
    assert sum(shares) == pytest.approx(1.0)
    assert first == {"recognised": shares[0], "persons": 1 / 3}
