"""A detector of a run looks through any frames, and what it finds can be scored and seen."""

import json

import cv2
import numpy as np
import pytest

from pipeline import build
from pipeline.checkpoint import save_detector
from tools.detect import coco_results, main

SPEC = {
    "detector": "fcos", "arch": "timm/resnet18", "size": [64, 96], "ibn": "none", "weights": "scratch",
    "pyramid_width": 8, "head_width": 8, "args": {"channels": [4, 4, 8, 8]}, "options": {},
    "mean": [0.5, 0.5, 0.5], "std": [0.2, 0.2, 0.2],
}  # fmt: skip


@pytest.fixture
def model(tmp_path):
    build.seed_everything(0)
    path = tmp_path / "model.safetensors"
    save_detector(path, build.detector(**SPEC), spec=SPEC)
    return path


@pytest.fixture
def frames(tmp_path):
    folder = tmp_path / "frames" / "gate"
    folder.mkdir(parents=True)
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 255, (120, 160, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"{number:03d}.png"), pixels)
    return folder.parent


def test_results_are_in_pixels_of_the_stored_frames_and_pictures_have_their_names(model, frames, tmp_path, capsys):
    out, pictures = tmp_path / "found.json", tmp_path / "drawn"
    assert main([str(model), str(frames), "--json", str(out), "--draw", str(pictures), "--least", "0"]) == 0
    rows = json.loads(out.read_text())
    assert f"3 frames, {len(rows)} boxes" in capsys.readouterr().out
    assert rows
    assert {row["image_id"] for row in rows} <= {1, 2, 3}
    right = max(row["bbox"][0] + row["bbox"][2] for row in rows)
    assert 96 < right <= 160.5
    assert sorted(path.name for path in pictures.rglob("*.jpg")) == ["000.jpg", "001.jpg", "002.jpg"]
    drawn = cv2.imread(str(pictures / "gate" / "000.jpg"))
    assert drawn.shape == (120, 160, 3)


def test_heads_are_blurred_unless_asked(model, frames, tmp_path):
    shown = []
    for words in ([], ["--show-faces"]):
        folder = tmp_path / f"drawn{len(words)}"
        assert main([str(model), str(frames), "--draw", str(folder), "--least", "0", *words]) == 0
        shown.append(cv2.imread(str(folder / "gate" / "000.jpg")).astype(float))
    # The frames are noise: blurring takes most of it away.
    assert np.abs(np.diff(shown[0], axis=1)).mean() < 0.9 * np.abs(np.diff(shown[1], axis=1)).mean()


def test_nobody_is_an_empty_list():
    assert coco_results([]) == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--from", "nowhere"], "error: --from nowhere; expected one of caltech"),
        (["--with", "camera"], "error: --with camera; expected NAME=VALUE"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(model, frames, capsys, words, sentence):
    assert main([str(model), str(frames), *words]) == 2
    assert capsys.readouterr().err.startswith(sentence)


def test_an_empty_folder_and_a_missing_model_are_one_sentence(model, frames, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert main([str(model), str(tmp_path / "empty")]) == 2
    assert main([str(tmp_path / "none.safetensors"), str(frames)]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert "empty" in first
    assert "there is no model file" in second
