"""Model files: what they hold, and how what is not one is refused."""

import json
import os

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from pipeline import build
from pipeline.checkpoint import load_model, load_tensors, save_model, save_tensors
from pipeline.checkpoint_file import HEADER_KEY
from pipeline.errors import CheckpointError
from pipeline.metrics.match_rates import MatchPoint
from pipeline.metrics.match_record import MatchEvidence, MatchRecord
from pipeline.models.camera_statistics import fit_camera_statistics

SPEC = {
    "arch": "timm/resnet18", "size": [32, 16], "embedding": 8, "pooling": "gem", "ibn": "none", "weights": "scratch",
    "args": {"channels": [4, 4, 8, 8], "layers": [1, 1, 1, 1]}, "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25],
}  # fmt: skip


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(3)
    return build.reid_model(**SPEC, num_classes=5)


@pytest.fixture
def path(model, tmp_path):
    save_model(tmp_path / "best.safetensors", model, spec=SPEC, meta={"round": 2})
    return tmp_path / "best.safetensors"


def rewrite(path, **changes):
    """Write the file again with another header."""
    with safe_open(str(path), framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        header = json.loads(file.metadata()[HEADER_KEY])
    save_file(tensors, str(path), metadata={HEADER_KEY: json.dumps({**header, **changes})})


def test_a_network_comes_back_as_it_was(model, path):
    loaded = load_model(path)
    assert not loaded.model.training
    assert loaded.meta == {"round": 2}
    assert loaded.cameras is None
    assert loaded.spec == {**SPEC, "num_classes": 5}
    images = torch.randint(0, 256, (2, 3, 40, 20), dtype=torch.uint8)
    assert torch.equal(loaded.model.embed(images), model.eval().embed(images))


def test_camera_statistics_travel_with_the_network(model, tmp_path):
    rng = np.random.default_rng(0)
    features, cameras = rng.normal(size=(40, 8)).astype(np.float32), np.arange(40) % 2
    statistics = fit_camera_statistics(features, cameras, names=("hall", "2"))
    save_model(tmp_path / "m.safetensors", model, spec=SPEC, cameras=statistics)
    loaded = load_model(tmp_path / "m.safetensors").cameras
    assert loaded.names == ("hall", "2")
    np.testing.assert_array_equal(loaded.standardise(features, cameras), statistics.standardise(features, cameras))


def test_thresholds_travel_with_the_network(model, path, tmp_path):
    points = (MatchPoint(0.01, 0.1 + 2**-30, 0.009, None), MatchPoint(0.1, 0.4, 0.1, 0.75))
    record = MatchRecord((MatchEvidence("streets", "persons", False, 0, 900, points),))
    save_model(tmp_path / "m.safetensors", model, spec=SPEC, match=record)
    assert load_model(tmp_path / "m.safetensors").match == record
    # A file without them, as older ones are.
    assert load_model(path).match is None


@pytest.mark.parametrize("damaged", [{"evidence": [{}]}, {}, [], {"evidence": [{"points": 3}]}])
def test_thresholds_that_cannot_be_read_are_one_sentence(path, damaged):
    rewrite(path, match=damaged)
    with pytest.raises(CheckpointError, match=r"the thresholds in the header of .* cannot be read"):
        load_model(path)


def test_the_same_network_gives_the_same_bytes(model, path, tmp_path):
    save_model(tmp_path / "again.safetensors", model, spec=SPEC, meta={"round": 2})
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def test_pretrained_weights_are_not_fetched_again(model, tmp_path):
    save_model(tmp_path / "m.safetensors", model, spec={**SPEC, "weights": "no/such/file.pth"})
    load_model(tmp_path / "m.safetensors")


DAMAGES = {
    "missing": (lambda path: path.unlink(), "there is no model file"),
    "empty": (lambda path: os.truncate(path, 0), "is not a readable safetensors file"),
    "truncated": (lambda path: os.truncate(path, path.stat().st_size - 10), "is not a readable safetensors file"),
    "a pickle": (lambda path: torch.save({"a": torch.ones(1)}, path), "is not a readable safetensors file"),
    "text": (lambda path: path.write_text("hello"), "is not a readable safetensors file"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), "there is no model file"),
    "of another program": (lambda path: save_file({"a": torch.ones(1)}, str(path)), "was not written by crosscam"),
    "of a newer schema": (lambda path: rewrite(path, schema=7), "has header schema 7; expected schema 1"),
    "of another network": (
        lambda path: rewrite(path, spec={**SPEC, "embedding": 9, "num_classes": 5}), "do not fit its own header",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGES)
def test_what_is_not_a_model_file_is_refused_with_a_sentence(path, name):
    damage, sentence = DAMAGES[name]
    damage(path)
    with pytest.raises(CheckpointError, match=sentence) as caught:
        load_model(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


EMPTY = '{"schema": 1, "spec": {}, "cameras": [], "meta": {}}'


@pytest.mark.parametrize("text", ["[]", "{", "{}", '{"schema": 1}', EMPTY])
def test_a_broken_header_is_refused_with_a_sentence(path, text):
    save_file({"a": torch.ones(1)}, str(path), metadata={HEADER_KEY: text})
    with pytest.raises(CheckpointError):
        load_model(path)


def test_tensors_of_a_resume_point(tmp_path):
    tensors = {"a": torch.arange(3), "b": torch.tensor(2.5), "empty": torch.zeros(0, 4)}
    save_tensors(tmp_path / "t.safetensors", {**tensors, "shared": tensors["a"]})
    loaded = load_tensors(tmp_path / "t.safetensors")
    assert all(torch.equal(loaded[name], value) for name, value in tensors.items())
    os.truncate(tmp_path / "t.safetensors", 20)
    with pytest.raises(CheckpointError, match="--restart"):
        load_tensors(tmp_path / "t.safetensors")
    with pytest.raises(CheckpointError):
        load_tensors(tmp_path / "nowhere.safetensors")
