"""A whole comparison of tiny runs: fair, resumed, under three budgets, with its leaderboard in three forms."""

import json
from types import SimpleNamespace

import pytest
import yaml

from pipeline.build import data as build_data
from tests.smoke.tiny import attempt_of, make_tree, rows_of
from tools import compare
from tools import run as run_tool

METHODS = {
    "plain": {},
    "kd": {"objectives": {"kd": {}}},
    "other": {"teacher": "second.best", "objectives": {"kd": {}}},
}


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    """A process for each case would spend its seconds on imports, and the report of each run on its pictures."""

    def run(command, **_):
        build_data._read.cache_clear()
        return SimpleNamespace(returncode=run_tool.main(command[2:]))

    monkeypatch.setattr("pipeline.comparison.cases.subprocess", SimpleNamespace(run=run, STDOUT=None))
    monkeypatch.setattr("pipeline.report.html.write_report", lambda run_dir, **_: run_dir)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare")
    tree = make_tree(mode="kd_only", init=None, objectives={"cross_entropy": {}})
    stages = tree["stages"]
    tree["stages"] = {
        "pretrain": stages["pretrain"], "second": stages["pretrain"], "learn": stages["adapt"],
        "score": {"kind": "evaluate", "data": "probe", "strips": 0, "models": {"teacher_direct": "pretrain.best"}},
    }  # fmt: skip
    (folder / "task.yaml").write_text(yaml.safe_dump(json.loads(json.dumps(tree))))
    (folder / "methods.yaml").write_text(yaml.safe_dump(METHODS))
    return folder


def call(folder, *words, out="out"):
    methods = ["--methods", str(folder / "methods.yaml"), "--baseline", "kd"]
    return compare.main([str(folder / "task.yaml"), *methods, "--out", str(folder / out), *words])


def board_of(folder, out="out"):
    return json.loads((folder / out / "leaderboard.json").read_text())


CASES = ("--pair", "sunny_plaza:winter_station", "--seeds", "0,1")


def test_a_comparison_is_run_and_not_run_twice(folder, capsys):
    assert call(folder, *CASES, "--table-only") == 0
    assert "0 of 3 methods trained, not scored yet" in capsys.readouterr().out
    assert call(folder, "--case", "sunny_plaza:winter_station:0") == 0
    assert call(folder, *CASES, "--table-only") == 0
    assert [case["done"] for case in board_of(folder)["cases"]] == [True, False]
    assert call(folder, *CASES) == 0
    board = board_of(folder)
    assert board["schema"] == 1
    assert {row["method"] for row in board["methods"]} == set(METHODS)
    assert all(row["steps"] == [6] and len(row["mAP"]["each"]) == 2 for row in board["methods"])
    rows = {row["method"]: row for row in board["methods"]}
    assert rows["other"]["needs"][0]["stage"] == "second"
    assert rows["kd"]["cost"] == 1.0
    assert rows["other"]["cost"] is not None
    out = folder / "out"
    assert (out / "leaderboard.md").read_text().strip() in capsys.readouterr().out
    assert "<!doctype html>" in (out / "leaderboard.html").read_text()
    run = out / "sunny_plaza-winter_station-1" / "run"
    before = {name: attempt_of(run, name) for name in (*METHODS, "score")}
    assert call(folder, *CASES) == 0
    assert {name: attempt_of(run, name) for name in before} == before
    assert board_of(folder)["methods"] == board["methods"]


def test_cases_of_other_settings_do_not_count(folder):
    assert call(folder, "--case", "sunny_plaza:winter_station:5", "--only", "kd", out="changed") == 0
    words = ("--case", "sunny_plaza:winter_station:5", "--only", "kd", "--budget", "steps:8", "--table-only")
    assert call(folder, *words, out="changed") == 0
    board = board_of(folder, "changed")
    assert board["methods"] == []
    (note,) = board["notes"]
    assert note.endswith("was made from other settings (stages.kd.steps) and does not count")


def test_seconds_become_steps_once(folder, capsys):
    words = ("--seeds", "3", "--only", "kd,other", "--budget", "seconds:1", "--set", "stages.second.steps=2")
    assert call(folder, *words, "--table-only", out="timed") == 2
    assert "the pace of kd was not measured" in capsys.readouterr().err
    assert call(folder, *words, out="timed") == 0
    steps = board_of(folder, "timed")["budget"]["steps"]
    pace = json.loads((folder / "timed" / "pace.json").read_text())["methods"]
    for name, total in steps.items():
        assert total == int((1 - pace[name]["needs_seconds"]) / pace[name]["seconds_per_step"]) // 2 * 2
        assert rows_of(folder / "timed" / "seed-3" / "run", name, "step")[-1]["step"] == total
    assert pace["kd"]["needs_seconds"] == 0 < pace["other"]["needs_seconds"]
    assert call(folder, *words, out="timed") == 0
    assert board_of(folder, "timed")["budget"]["steps"] == steps
    assert call(folder, *words, "--set", "stages.learn.optimizer.lr=0.1", out="timed") == 2
    assert "was measured with other settings" in capsys.readouterr().err


def test_methods_apart_have_their_own_runs(folder, monkeypatch):
    commands = []
    main = run_tool.main
    monkeypatch.setattr(run_tool, "main", lambda words: commands.append(words[3:]) or main(words))
    assert call(folder, "--seeds", "4", "--only", "plain,kd", "--apart", "--budget", "steps:4", out="apart") == 0
    assert commands == [["--until", "plain"], ["--until", "kd"], []]
    assert len(board_of(folder, "apart")["methods"]) == 2


def test_what_is_unfair_is_told_before_anything_runs(folder, capsys):
    path = folder / "unfair.yaml"
    path.write_text(yaml.safe_dump({"more": {"steps": 9}, "kd": {}}))
    words = [str(folder / "task.yaml"), "--methods", str(path), "--out", str(folder / "unfair"), "--seeds", "1"]
    assert compare.main(words) == 2
    assert "not a fair comparison: more has another budget (steps)" in capsys.readouterr().err
    assert not (folder / "unfair").exists()
