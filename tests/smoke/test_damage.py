"""What can happen to a run's files is noticed by the command that a user types, and said in one sentence."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from pipeline.teaching.responses import respond
from pipeline.training import progressive
from stages import source_pretrain
from tests.smoke.tiny import attempt_of, make_tree, market_names, only, run_command, run_tree, weights_of, write_crops
from tools import status as status_tool

ROOT = Path(__file__).resolve().parents[2]
KEPT = ("pretrain", "direct", "adapt")


def make_short_tree():
    return only(make_tree(rounds=1, steps=2), *KEPT)


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    folder = tmp_path_factory.mktemp("damage") / "run"
    run_tree(make_short_tree(), folder)
    return folder


@pytest.fixture
def finished(original, tmp_path):
    return shutil.copytree(original, tmp_path / "run")


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def verdict(folder, stage, capsys):
    assert status_tool.main([str(folder)]) == 0
    lines = dict(line.split(None, 1) for line in capsys.readouterr().out.splitlines())
    return lines[stage].strip()


DAMAGES = {
    "flipped bit": (flip_a_bit, "damaged: file best.safetensors: sha256 differs"),
    "truncated": (lambda path: os.truncate(path, 1000), "damaged: file best.safetensors: sha256 differs"),
    "empty": (lambda path: os.truncate(path, 0), "damaged: file best.safetensors: sha256 differs"),
    "missing": (lambda path: path.unlink(), "damaged: file best.safetensors is missing"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_weights_are_made_again_and_nothing_else(finished, original, capsys, name):
    damage, sentence = DAMAGES[name]
    damage(finished / "direct/a0001/best.safetensors")
    assert verdict(finished, "direct", capsys) == sentence
    assert run_tree(make_short_tree(), finished) == {"pretrain": "fresh", "direct": "damaged", "adapt": "fresh"}
    assert attempt_of(finished, "direct").name == "a0002"
    assert weights_of(finished, *KEPT) == weights_of(original, *KEPT)


def test_an_unknown_schema_stops_the_command_with_a_sentence(finished, capsys):
    path = finished / "adapt/a0001/manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema": 9}))
    assert run_command(make_short_tree(), finished) == 2
    error = capsys.readouterr().err
    assert "error: stage adapt: unknown schema 9" in error
    assert "Traceback" not in error
    assert run_command(make_short_tree(), finished, "--restart", "adapt") == 0


def test_a_damaged_resume_point_is_not_passed_over(tmp_path, capsys, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    tree = only(make_tree(), "direct")
    tree["runtime"]["checkpoint_every_steps"] = 1
    with monkeypatch.context() as patch:
        patch.setattr(source_pretrain, "_result", stop)
        assert run_command(tree, tmp_path / "run") == 130
    assert "interrupted in stage direct, after step 3" in capsys.readouterr().err
    points = tmp_path / "run/direct/a0001/resume"
    flip_a_bit(points / "step-000003/state.safetensors")
    assert run_command(tree, tmp_path / "run") == 2
    error = capsys.readouterr().err
    assert "step-000003 is damaged: file state.safetensors: sha256 differs" in error
    assert "--resume-from 2" in error
    assert "Traceback" not in error
    assert run_command(tree, tmp_path / "run", "--resume-from", "2") == 0
    run_tree(tree, tmp_path / "whole")
    assert weights_of(tmp_path / "run", "direct") == weights_of(tmp_path / "whole", "direct")


def test_a_changed_input_image_makes_its_stage_stale(tmp_path, capsys):
    crops = write_crops(tmp_path / "crops", market_names())
    tree = only(make_tree(), "direct")
    tree["data"]["source"] = {"kind": "market1501", "root": str(crops)}
    run_tree(tree, tmp_path / "run")
    assert run_tree(tree, tmp_path / "run") == {"direct": "fresh"}
    first = sorted(crops.iterdir())[0]
    shutil.copyfile(sorted(crops.iterdir())[1], first)
    assert run_command(tree, tmp_path / "run", "--dry-run") == 0
    assert capsys.readouterr().out.split(None, 1)[1].startswith("stale: data.listing")
    assert run_tree(tree, tmp_path / "run") == {"direct": "stale"}


def test_data_that_only_moved_changes_nothing(tmp_path):
    crops = write_crops(tmp_path / "crops", market_names())
    tree = only(make_tree(), "direct")
    tree["data"]["source"] = {"kind": "market1501", "root": str(crops)}
    run_tree(tree, tmp_path / "run")
    tree["data"]["source"]["root"] = str(crops.rename(tmp_path / "elsewhere"))
    assert run_tree(tree, tmp_path / "run") == {"direct": "fresh"}


def test_a_model_file_put_in_place_of_another_is_damage(finished, capsys):
    shutil.copyfile(finished / "direct/a0001/last.safetensors", finished / "direct/a0001/best.safetensors")
    assert verdict(finished, "direct", capsys) == "damaged: file best.safetensors: sha256 differs"


HOLDER = """
import sys
from pathlib import Path
from pipeline.locks import stage_lock
from pipeline.run_dir import RunDir
with stage_lock(RunDir(Path(sys.argv[1])).stage("direct")):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_runner_is_refused_with_a_sentence(tmp_path, capsys):
    words = [sys.executable, "-c", HOLDER, str(tmp_path / "run")]
    with subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        assert run_command(only(make_tree(), "direct"), tmp_path / "run") == 2
        holder.stdin.close()
    error = capsys.readouterr().err
    assert "stage direct" in error
    assert f"pid {holder.pid}" in error
    assert "Traceback" not in error


def test_a_frozen_teacher_that_moves_fails_the_stage(tmp_path, capsys, monkeypatch):
    def meddle(model, *rest, **more):
        with torch.no_grad():
            model.neck.bn.running_mean.add_(1.0)
        return respond(model, *rest, **more)

    monkeypatch.setattr(progressive, "respond", meddle)
    assert run_command(only(make_tree(mode="kd_only"), *KEPT), tmp_path / "run") == 2
    error = capsys.readouterr().err
    assert "the frozen teacher's weights or buffers changed during the stage" in error
    assert not (tmp_path / "run/adapt/CURRENT").exists()
    assert json.loads((tmp_path / "run/adapt/a0001/failure.json").read_text())
