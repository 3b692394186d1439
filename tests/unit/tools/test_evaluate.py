import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from pipeline import build
from pipeline.checkpoint import save_model
from pipeline.config.schema import ModelConfig
from pipeline.metrics.match_record import MatchRecord
from pipeline.metrics.ranking import rank_queries
from pipeline.models.camera_statistics import fit_camera_statistics
from tools.evaluate import main

SIZE = (32, 16)


def make_crops(folder: Path, *, shot: int, persons: int = 4, cameras: tuple[int, ...] = (1, 2)) -> Path:
    folder.mkdir(parents=True)
    for person in range(1, persons + 1):
        for camera in cameras:
            pixels = np.random.default_rng([person, camera, shot]).integers(0, 256, (*SIZE, 3), np.uint8)
            pixels[8:24] = 40 * person
            cv2.imwrite(str(folder / f"{person:04d}_c{camera}s1_{shot:06d}_00.png"), pixels)
    return folder


def make_model(path: Path, *, cameras: tuple[str, ...] = (), match: MatchRecord | None = None) -> Path:
    torch.manual_seed(3)
    arguments = {"channels": [8, 8, 8, 8], "layers": [1, 1, 1, 1]}
    config = ModelConfig(arch="timm/resnet18", size=SIZE, embedding=16, args=arguments)
    spec = build.model_spec(config)
    statistics = None
    if cameras:
        features = np.random.default_rng(5).normal(size=(40, 16)).astype(np.float32)
        statistics = fit_camera_statistics(features, np.arange(40) % len(cameras), names=cameras)
    save_model(path, build.reid_model(**spec), spec=spec, cameras=statistics, match=match)
    return path


@pytest.fixture
def words(tmp_path):
    query = make_crops(tmp_path / "query", shot=1)
    gallery = make_crops(tmp_path / "gallery", shot=2, persons=6)
    model = make_model(tmp_path / "model.safetensors", cameras=("1", "2"))
    return ["--model", str(model), "--query", str(query), "--gallery", str(gallery), "--device", "cpu"]


def test_prints_numbers_rules_and_what_was_compared(words, capsys):
    assert main(words) == 0
    printed = capsys.readouterr().out
    for start in ("mAP ", "CMC@1 ", "CMC@5 ", "CMC@10 ", "mINP ", "ap: ", "ties: ", "junk: ", "model: "):
        assert f"\n{start}" in f"\n{printed}"
    assert "standardised by those of cameras 1, 2" in printed
    assert "8 in the query, 12 in the gallery" in printed


def test_the_numbers_are_those_of_the_ranking_of_the_embeddings(words, tmp_path, monkeypatch):
    import pipeline.training.scoring as scoring

    seen = {}

    def spy(*columns, **options):
        seen["result"] = rank_queries(*columns, **options)
        return seen["result"]

    monkeypatch.setattr(scoring, "rank_queries", spy)
    out = tmp_path / "out.json"
    assert main([*words, "--ap", "trapezoid", "--cameras", "unknown", "--json", str(out)]) == 0
    written = json.loads(out.read_text())
    assert written["mAP"] == seen["result"].mAP
    assert "trapezoid" in written["semantics"]["ap"]
    assert written["semantics"]["cameras"].startswith("cameras are unknown")
    assert written["camera_statistics"] == ["1", "2"]
    assert written["query"] == 8


def test_statistics_can_be_left_out(words, capsys):
    assert main([*words, "--camera-statistics", "off"]) == 0
    assert "compared as they are" in capsys.readouterr().out


def test_cameras_without_statistics_are_named(words, tmp_path, capsys):
    other = make_crops(tmp_path / "other", shot=3, cameras=(2, 7))
    assert main([*words, "--gallery", str(other)]) == 0
    assert "unknown cameras: 7 were not adapted to" in capsys.readouterr().out


@pytest.mark.parametrize("index", ["ivf", "hnsw"])
def test_an_approximate_index_says_that_it_ranks_lists(words, capsys, index):
    assert main([*words, "--index", index]) == 0
    assert "metric: lists of 12" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["--model", "no.safetensors"], "there is no model file no.safetensors"),
        (["--query", "nowhere"], "data folder 'nowhere' does not exist"),
        (["--pattern", "(?P<camera>x)"], "lacks group person"),
        (["--json", "no/out.json"], "no/out.json"),
    ],
)
def test_mistakes_are_one_sentence_and_exit_2(words, capsys, changes, message):
    assert main([*words, *changes]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("error: ")
    assert error.count("\n") == 1


def test_a_damaged_model_is_one_sentence(words, tmp_path, capsys):
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    assert main(words) == 2
    assert "not a readable safetensors file" in capsys.readouterr().err


def test_one_camera_for_everything_names_the_way_out(words, tmp_path, capsys):
    query = make_crops(tmp_path / "q1", shot=1, cameras=(1,))
    gallery = make_crops(tmp_path / "g1", shot=2, cameras=(1,))
    assert main([*words, "--query", str(query), "--gallery", str(gallery)]) == 2
    assert "choose cameras 'unknown'" in capsys.readouterr().err
