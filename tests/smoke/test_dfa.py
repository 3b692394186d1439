"""The search for an aggregation of a teacher's maps, and a student that follows it: whole runs, killed and resumed."""

import hashlib
import json

import pytest

from pipeline.errors import ConfigError
from pipeline.training.aggregation_file import load_aggregation
from pipeline.training.feature_search import SearchTask
from tests.smoke.tiny import (
    BATCH,
    attempt_of,
    make_config,
    make_tree,
    manifest_of,
    only,
    rows_of,
    run_command,
    run_killed,
    run_tree,
    weights_of,
)

SEARCH = {
    "kind": "dfa_search", "teacher": "pretrain.best", "train": "small", "source": "source", "steps": 3, "batch": BATCH,
    "arch_lr": 0.1,
}  # fmt: skip
SEARCHED = {"mode": "kd_only", "init": None, "aggregation": "search.aggregation",
            "objectives": {"cross_entropy": {}, "dfa": {"aggregation": "searched"}}}  # fmt: skip


def make_search_tree(search=None, **adapt):
    """A teacher with several blocks in its first two stages, and a single one in the others."""
    tree = make_tree(**{**SEARCHED, **adapt})
    tree["models"]["big"]["args"] = {"channels": [8, 8, 16, 16], "layers": [2, 3, 1, 1]}
    tree["stages"]["search"] = {**SEARCH, **(search or {})}
    return only(tree, "pretrain", "search", "adapt")


def digest_of(folder):
    return hashlib.sha256((attempt_of(folder, "search") / "aggregation.json").read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dfa") / "run"
    assert run_command(make_search_tree(), folder) == 0
    return folder


def test_a_search_leaves_weights_and_both_losses(finished):
    attempt = attempt_of(finished, "search")
    assert {path.name for path in attempt.iterdir()} == {
        "attempt.json", "config.yaml", "manifest.json", "summary.json", "metrics.jsonl", "aggregation.json",
    }  # fmt: skip
    found = load_aggregation(attempt / "aggregation.json")
    assert {stage: list(weights) for stage, weights in found.items()} == {
        "stage1": ["layer1.0", "layer1.1"], "stage2": ["layer2.0", "layer2.1", "layer2.2"],
    }  # fmt: skip
    for weights in found.values():
        assert sum(weights.values()) == pytest.approx(1.0)
        assert len(set(weights.values())) > 1
    last = rows_of(finished, "search", "step")[-1]
    assert last["step"] == 6
    assert set(last["terms"]) == {
        f"stage2.{part}.{loss}" for part in ("student", "aggregation") for loss in ("st", "ts")
    }
    assert set(last["facts"]) == {f"stage2.layer2.{block}" for block in range(3)}
    assert last["facts"]["stage2.layer2.1"] == found["stage2"]["layer2.1"]
    manifest = manifest_of(finished, "search")
    assert manifest["data"]["source"]["labels_read"]
    assert 0 < manifest["metrics"]["held_out"] < manifest["metrics"]["images"]


def test_a_student_follows_the_weights(finished):
    assert set(manifest_of(finished, "adapt")["inputs"]) == {"pretrain.best", "search.aggregation"}
    row = rows_of(finished, "adapt", "step")[-1]
    assert {"student.source.dfa", "student.target.dfa"} <= set(row["terms"])
    assert {"student.target.dfa.stage1", "student.target.dfa.stage2"} <= set(row["facts"])
    total = 0.5 * row["facts"]["student.target.dfa.stage1"] + row["facts"]["student.target.dfa.stage2"]
    assert row["terms"]["student.target.dfa"] == pytest.approx(total)


def test_the_report_draws_the_weights(finished):
    report = (finished / "report.html").read_text()
    assert "weights of the maps in stage1" in report
    assert "Terms of the aggregation at stage2" in report


@pytest.mark.parametrize("param", ["softmax", "free"])
def test_a_killed_search_goes_on_bit_for_bit(param, tmp_path):
    tree = make_search_tree({"alpha_param": param})
    tree["runtime"] |= {"checkpoint_every_steps": 1}
    run_tree(tree, tmp_path / "whole")
    run_killed(tree, tmp_path / "killed", *((SearchTask, at) for at in (1, 3, 4, 5)))
    run_tree(tree, tmp_path / "killed")
    assert digest_of(tmp_path / "killed") == digest_of(tmp_path / "whole")
    facts = [rows_of(tmp_path / run, "search", "step")[-1]["facts"] for run in ("killed", "whole")]
    assert facts[0] == facts[1]
    assert weights_of(tmp_path / "killed", "adapt") == weights_of(tmp_path / "whole", "adapt")
    if param == "free":
        for weights in load_aggregation(attempt_of(tmp_path / "whole", "search") / "aggregation.json").values():
            assert sum(map(abs, weights.values())) == pytest.approx(1.0)


def test_the_controls_need_no_search_and_last_is_fitnets_bit_for_bit(tmp_path):
    settings = {"on": ["source", "target"]}
    trained = {}
    for name, term in {
        "last": {"use": "dfa", "aggregation": "last", "stages": ["stage2"], **settings},
        "uniform": {"use": "dfa", "aggregation": "uniform", "stages": ["stage2"], **settings},
        "plain": {"use": "fitnets", "layers": ["stage2"], **settings},
    }.items():
        tree = make_search_tree(aggregation=None, objectives={"cross_entropy": {}, "follow": term})
        run_tree(only(tree, "pretrain", "adapt"), tmp_path / "run")
        trained[name] = weights_of(tmp_path / "run", "adapt")
    assert trained["last"] == trained["plain"]
    assert trained["last"] != trained["uniform"]


def test_a_stage_with_one_block_has_nothing_to_search(tmp_path):
    tree = make_search_tree({"groups": ["stage2", "stage3"]})
    run_tree(tree, tmp_path / "run")
    metrics = manifest_of(tmp_path / "run", "search")["metrics"]
    assert metrics["notes"] == ["stage3 of the teacher has a single map of its shape, so nothing was searched there"]
    assert load_aggregation(attempt_of(tmp_path / "run", "search") / "aggregation.json")["stage3"] == {"stage3": 1.0}
    assert metrics["steps"] == 3
    assert "student.target.dfa.stage3" in rows_of(tmp_path / "run", "adapt", "step")[-1]["facts"]


@pytest.mark.parametrize(
    ("search", "sentence"),
    [
        ({"groups": ["stage4"]}, "no stage of pretrain.best among stage4 has several blocks of one shape"),
        ({"groups": ["stage9"]}, "dfa_search reads the map 'stage9', which the teacher does not have"),
    ],
)
def test_what_cannot_be_searched_is_told(search, sentence, tmp_path):
    with pytest.raises(ConfigError, match=sentence):
        run_tree(make_search_tree(search), tmp_path / "run")


def test_another_teacher_than_that_of_the_search_is_told(tmp_path):
    tree = make_search_tree()
    tree["models"]["other"] = {**tree["models"]["big"], "args": {"channels": [8, 8, 16, 16], "layers": [3, 3, 1, 1]}}
    tree["stages"]["other"] = {**tree["stages"]["pretrain"], "train": "other"}
    tree["stages"]["adapt"]["teacher"] = "other.best"
    words = "stage1 was searched among the maps layer1.0, layer1.1, and the teacher has layer1.0, layer1.1, layer1.2"
    with pytest.raises(ConfigError, match=words):
        run_tree(tree, tmp_path / "run")


@pytest.mark.parametrize(
    ("adapt", "sentence"),
    [
        ({"aggregation": None}, "dfa takes aggregation: searched, and no weights are given"),
        ({"objectives": {"dfa": {}}}, "aggregation is search.aggregation, but no objective reads it"),
        ({"aggregation": "pretrain.best"}, "aggregation is pretrain.best; name the role aggregation"),
        ({"objectives": {"dfa": {"searched": {}, "aggregation": "searched"}}}, "unknown key"),
    ],
)
def test_weights_and_terms_that_do_not_fit_are_told_when_the_settings_are_read(adapt, sentence):
    with pytest.raises(ConfigError, match=sentence):
        make_config(make_search_tree(**adapt))


@pytest.mark.parametrize(
    ("search", "sentence"),
    [
        ({"g_st": 0, "g_ts": 0}, "g_st and g_ts are both 0"),
        ({"teacher": "pretrain.route"}, "pretrain.route is a route of several states"),
        ({"groups": ["stage1", "stage1"]}, "groups names a stage twice"),
        ({"alpha_param": "hard"}, "softmax"),
    ],
)
def test_mistakes_of_a_search_are_told_when_the_settings_are_read(search, sentence):
    with pytest.raises(ConfigError, match=sentence):
        make_config(make_search_tree(search))


def test_weights_are_no_network(tmp_path, capsys):
    tree = make_search_tree()
    tree["stages"]["adapt"] |= {"teacher": "search.aggregation"}
    assert run_command(tree, tmp_path / "run") != 0
    assert "aggregation.json" in capsys.readouterr().err
    assert json.loads((attempt_of(tmp_path / "run", "search") / "aggregation.json").read_text())["schema"] == 1
