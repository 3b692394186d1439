"""`torchrun` with two processes runs every stage; only the first writes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.checkpoint import load_model
from pipeline.config.strict_yaml import write_yaml
from pipeline.report.collect import collect
from tests.smoke.tiny import attempt_of, make_tree, manifest_of, rows_of, run_tree

ROOT = Path(__file__).resolve().parents[2]
STAGES = ("pretrain", "direct", "adapt", "ceiling", "score")


def torchrun(tree, folder, *words):
    """Run the command on two processes; return the finished process."""
    config = folder.parent / f"{folder.name}.yaml"
    config.write_text(write_yaml(tree))
    return subprocess.run(
        [
            sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
            "tools/run.py", str(config), "--run-dir", str(folder), *words,
        ],
        cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}, capture_output=True,
        text=True, timeout=280,
    )  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("torchrun") / "run"
    tree = make_tree(keep_rounds=True)
    # One model is enough to go through the evaluation, each takes a second for its speed.
    tree["stages"]["score"]["models"] = {"student_adapted": "adapt.best"}
    done = torchrun(tree, folder)
    assert done.returncode == 0, done.stderr[-4000:]
    return folder, tree, done


def test_every_stage_is_committed_once(finished):
    folder, _, done = finished
    for stage in STAGES:
        assert [path.name for path in sorted((folder / stage).glob("a*"))] == ["a0001"]
        assert attempt_of(folder, stage).name == "a0001"
        assert done.stderr.count(f"{stage}: committed") == 1
    assert done.stdout.count("report:") == 1
    assert [row["role"] for row in collect(folder)["reid"]] == ["student_adapted"]


def test_rows_are_written_once(finished):
    folder, _, _ = finished
    assert [row["step"] for row in rows_of(folder, "pretrain", "step")] == [4]
    assert [row["round"] for row in rows_of(folder, "adapt", "round")] == [0, 1, 2]


def test_networks_can_be_used(finished):
    folder, _, _ = finished
    for name in ("best", "last", "teacher", "round-000", "round-002"):
        loaded = load_model(attempt_of(folder, "adapt") / f"{name}.safetensors")
        assert loaded.cameras is not None


def test_the_number_of_processes_is_not_a_setting(finished):
    folder, tree, _ = finished
    assert run_tree(tree, folder) == dict.fromkeys(STAGES, "fresh")
    assert manifest_of(folder, "adapt")["data"]["target"]["labels_read"] is False


def test_a_batch_that_cannot_be_shared_is_refused_with_a_sentence(tmp_path):
    tree = make_tree()
    tree["stages"] = {"direct": {**tree["stages"]["direct"], "batch": {"identities": 3, "instances": 1}}}
    done = torchrun(tree, tmp_path / "run")
    assert done.returncode != 0
    assert "batch of 3 on 2 processes; expected a multiple of 2" in done.stderr
