"""Every mode of adaptation trains the networks that it should, and only those."""

import pytest
import torch

from pipeline.checkpoint import load_model
from pipeline.training.phases import MODES
from pipeline.training.selection import Judgement
from tests.smoke.tiny import attempt_of, make_tree, manifest_of, only, rows_of, run_tree

MOVES_THE_TEACHER = {"joint", "two_stage", "as_published", "prokt"}
CLUSTERS = {"joint", "two_stage", "distil_then_adapt", "uda_only"}


def weights(path):
    return load_model(path).model.state_dict()


def are_equal(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One run folder for all modes, so that the networks before adaptation are trained once."""
    return tmp_path_factory.mktemp("modes") / "run"


@pytest.mark.parametrize("mode", MODES)
def test_a_mode_runs(mode, folder):
    run_tree(only(make_tree(mode=mode), "pretrain", "direct", "adapt"), folder)
    adapted, before = attempt_of(folder, "adapt"), attempt_of(folder, "pretrain")
    metrics = manifest_of(folder, "adapt")["metrics"]
    assert metrics["mode"] == mode
    assert 0 <= metrics["chosen_round"] <= len(rows_of(folder, "adapt", "round"))
    has_moved = not are_equal(weights(before / "best.safetensors"), weights(adapted / "teacher.safetensors"))
    if mode not in MOVES_THE_TEACHER:
        assert not has_moved
    assert not are_equal(
        weights(attempt_of(folder, "direct") / "best.safetensors"), weights(adapted / "last.safetensors")
    )
    clustered = any("clusters" in row for row in rows_of(folder, "adapt", "round"))
    assert clustered == (mode in CLUSTERS)
    standardised = load_model(adapted / "best.safetensors").cameras is not None
    assert standardised == (mode != "as_published")


def test_without_init_the_student_starts_from_the_configured_network(tmp_path):
    run_tree(only(make_tree(mode="kd_only", init=None), "pretrain", "adapt"), tmp_path / "run")
    assert manifest_of(tmp_path / "run", "adapt")["inputs"].keys() == {"pretrain.best"}


@pytest.mark.parametrize("clustering", [{"eps": 0.001, "k1": 2}, {"eps": 0.999, "min_samples": 1}])
def test_collapsed_clusters_are_reported_and_survived(tmp_path, clustering):
    tree = make_tree(clustering={"k2": 1, "eps_gap": None, **clustering})
    run_tree(only(tree, "pretrain", "direct", "adapt"), tmp_path / "run")
    events = rows_of(tmp_path / "run", "adapt", "collapse")
    assert [event["round"] for event in events] == [0, 1]
    assert all("training without clusters" in event["sentence"] for event in events)
    assert len(rows_of(tmp_path / "run", "adapt", "step")) == 2
    last = rows_of(tmp_path / "run", "adapt", "step")[-1]["terms"]
    assert not any("centroid" in name for name in last)


def test_a_student_that_has_nothing_but_clusters_survives_their_collapse(tmp_path):
    tree = make_tree(mode="uda_only", objectives={"centroid_contrast": {}}, clustering={"k1": 2, "k2": 1, "eps": 0.001})
    run_tree(only(tree, "pretrain", "direct", "adapt"), tmp_path / "run")
    assert rows_of(tmp_path / "run", "adapt", "collapse")


def test_rounds_that_hurt_are_taken_back(tmp_path, monkeypatch):
    scores = iter([0.9, 0.5, 0.4, 0.6, 0.5])
    monkeypatch.setattr("pipeline.training.adaptation.judge", lambda *a, **k: Judgement(next(scores)))
    tree = make_tree(rounds=4, selection={"tolerance": 0.05, "patience": 2, "rollbacks": 1})
    run_tree(only(tree, "pretrain", "direct", "adapt"), tmp_path / "run")
    back = rows_of(tmp_path / "run", "adapt", "rollback")
    assert [row["round"] for row in back] == [2]
    assert back[0]["sentence"] == "the criterion fell from 0.900 to 0.400: went back to round 0"
    metrics = manifest_of(tmp_path / "run", "adapt")["metrics"]
    assert (metrics["chosen_round"], metrics["rollbacks"]) == (0, 1)
    direct, best = attempt_of(tmp_path / "run", "direct"), attempt_of(tmp_path / "run", "adapt") / "best.safetensors"
    assert are_equal(weights(direct / "best.safetensors"), weights(best))


def test_rounds_stop_where_going_back_did_not_help(tmp_path, monkeypatch):
    scores = iter([0.9, 0.5, 0.4, 0.3])
    monkeypatch.setattr("pipeline.training.adaptation.judge", lambda *a, **k: Judgement(next(scores)))
    tree = make_tree(rounds=6, selection={"tolerance": 0.05, "patience": 1, "rollbacks": 1})
    run_tree(only(tree, "pretrain", "direct", "adapt"), tmp_path / "run")
    sentences = [row["sentence"] for row in rows_of(tmp_path / "run", "adapt", "rollback")]
    assert sentences[-1].endswith("stopped at round 0")
    assert len(sentences) == 2
