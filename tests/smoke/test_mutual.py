"""Students that learn from each other: whole runs, killed and resumed, and settings that are refused."""

import pytest

from pipeline.checkpoint import load_model
from pipeline.training.mutual import MutualTask
from tests.smoke.tiny import (
    BATCH,
    attempt_of,
    make_tree,
    manifest_of,
    only,
    rows_of,
    run_command,
    run_killed,
    run_tree,
    weights_of,
)


def make_mutual(**together):
    tree = make_tree()
    settings = {"kind": "mutual_kd", "train": ["small", "small"], "source": "source", "target": "target", "steps": 4}
    batches = {"source_batch": BATCH, "target_batch": BATCH}
    tree["stages"] = {**only(tree, "direct")["stages"], "together": {**settings, **batches, **together}}
    return tree


@pytest.mark.parametrize("train", [["small", "small"], ["small", "big", "small"]])
def test_it_runs_and_a_killed_run_goes_on_bit_for_bit(train, tmp_path):
    tree = only(make_mutual(train=train), "together")
    tree["runtime"] |= {"checkpoint_every_steps": 1}
    run_tree(tree, tmp_path / "whole")
    students = [f"student_{i + 1}" for i in range(len(train))]
    manifest = manifest_of(tmp_path / "whole", "together")
    assert set(manifest["outputs"]) == {"best", "last", *students}
    assert {name: data["labels_read"] for name, data in manifest["data"].items()} == {"source": True, "target": False}
    terms = rows_of(tmp_path / "whole", "together", "step")[-1]["terms"]
    assert set(terms) == {
        f"{student}.{term}" for student in students
        for term in ("source.cross_entropy", "source.triplet", "source.kd", "target.kd")
    }  # fmt: skip
    digests = weights_of(tmp_path / "whole", "together")
    assert len(set(digests.values())) == len(train)
    loaded = load_model(attempt_of(tmp_path / "whole", "together") / "student_2.safetensors")
    assert loaded.cameras is not None
    assert loaded.match is not None
    assert set(manifest["metrics"]["match"]) == set(students)
    assert loaded.meta["model"] == train[1]
    run_killed(tree, tmp_path / "killed", (MutualTask, 1), (MutualTask, 3))
    run_tree(tree, tmp_path / "killed")
    assert weights_of(tmp_path / "killed", "together") == digests


def test_students_may_begin_where_others_ended(tmp_path):
    tree = make_mutual(init=["direct.best", "direct.last"], objectives={"relation": {"on": ["source", "target"]}})
    run_tree(tree, tmp_path / "run")
    assert set(manifest_of(tmp_path / "run", "together")["inputs"]) == {"direct.best", "direct.last"}
    terms = rows_of(tmp_path / "run", "together", "step")[-1]["terms"]
    assert set(terms) == {f"student_{i}.{domain}.relation" for i in (1, 2) for domain in ("source", "target")}


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"train": ["small"]}, "at least 2 items"),
        ({"target": "source"}, "source and target are both source"),
        ({"init": ["direct.best"]}, "init names 1 artifacts, and train 2 students"),
        ({"init": ["direct.best", "direct.best"]}, "init names direct.best twice"),
        ({"objectives": {"cross_entropy": {}}}, "no objective hears the other students"),
        ({"objectives": {"kd": {}, "adversarial": {}}}, "adversarial needs a teacher that rests"),
        ({"objectives": {"kd": {}, "triplet": {"on": ["target"]}}}, "triplet reads labels, and nobody clusters"),
        ({"objectives": {"kd": {}, "centroid_contrast": {}}}, "centroid_contrast reads labels"),
        ({"objectives": {"lwf": {}}}, "lwf hears an earlier network, and none is given"),
        ({"objectives": {"dfa": {"aggregation": "searched"}}}, "dfa takes aggregation: searched"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, sentence, tmp_path, capsys):
    assert run_command(make_mutual(**settings), tmp_path / "run") == 2
    assert sentence in capsys.readouterr().err


def test_a_student_that_is_not_there_is_told(tmp_path, capsys):
    tree = make_mutual()
    tree["stages"]["score"] = {"kind": "evaluate", "data": "probe", "models": {"third": "together.student_3"}}
    assert run_command(tree, tmp_path / "run") == 2
    assert "(mutual_kd) leaves no 'student_3' with its settings" in capsys.readouterr().err
