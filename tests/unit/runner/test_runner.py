"""Order, skipping, continuing, restarting, and what stands in a run folder afterwards."""

import dataclasses
import json
import re
import signal

import pytest

from pipeline.errors import CheckpointError, ConfigError, ManifestError, PipelineError
from pipeline.interruption import RunInterrupted
from pipeline.plan import read_plan
from pipeline.run_dir import RunDir
from pipeline.runner import preview
from pipeline.stage import StageContext, StageResult
from pipeline.verdict import assess_all
from tests.unit.runner.fakes import STAGES, data_digest, make_config, make_tree, read_outputs, run_tree


def make_failing(kind: str, after_steps: int, error: BaseException) -> dict:
    """Return the stages with one that fails after some steps."""

    def fail(context: StageContext) -> StageResult:
        original = context.metrics.write

        def write(row: dict) -> None:
            original(row)
            if row.get("step", 0) >= after_steps:
                raise error

        context.metrics.write = write
        return STAGES[kind].run(context)

    return {**STAGES, kind: dataclasses.replace(STAGES[kind], run=fail)}


def test_stages_run_in_the_order_of_their_references_and_then_are_fresh(tmp_path):
    tree = make_tree()
    tree["stages"] = dict(reversed(tree["stages"].items()))
    assert run_tree(tmp_path, tree) == {"pretrain": "missing", "adapt": "missing", "score": "missing"}
    assert list(run_tree(tmp_path, tree)) == ["pretrain", "adapt", "score"]
    assert set(run_tree(tmp_path, tree).values()) == {"fresh"}


def test_a_finished_attempt_holds_exactly_these_files(tmp_path):
    run_tree(tmp_path)
    names = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    names = [name for name in names if "/.lock" not in name]
    attempt = ["attempt.json", "best.bin", "config.yaml", "last.bin", "manifest.json", "metrics.jsonl", "summary.json"]
    expected = ["config.yaml", "plan.json"]
    for stage, left_out in (
        ("pretrain", ()),
        ("adapt", ("last.bin", "metrics.jsonl")),
        ("score", ("best.bin", "last.bin")),
    ):
        expected += [f"{stage}/CURRENT", *(f"{stage}/a0001/{name}" for name in attempt if name not in left_out)]
    assert names == sorted(expected)


def test_a_manifest_says_what_went_in_and_what_came_out(tmp_path):
    run_tree(tmp_path)
    manifest = json.loads((tmp_path / "adapt/a0001/manifest.json").read_text())
    upstream = json.loads((tmp_path / "pretrain/a0001/manifest.json").read_text())
    assert manifest["inputs"]["pretrain.best"] == {
        "role": "best",
        "sha256": upstream["outputs"]["best"]["sha256"],
        "attempt": "a0001",
    }
    assert manifest["data"]["target"] == {"digest": data_digest(make_config().data["target"]), "labels_read": False}
    assert upstream["outputs"]["best"]["meta"] == {"steps": 20}
    assert str(tmp_path) not in json.dumps({**manifest, "run": {}})
    assert list(manifest) == sorted(manifest)


def test_only_what_depends_on_a_change_runs_again(tmp_path):
    run_tree(tmp_path)
    tree = make_tree()
    tree["stages"]["adapt"]["rate"] = 0.5
    assert run_tree(tmp_path, tree) == {"pretrain": "fresh", "adapt": "stale", "score": "stale"}
    assert (tmp_path / "adapt/CURRENT").read_text() == "a0002\n"


def test_a_setting_that_is_put_back_finds_its_old_attempt(tmp_path):
    run_tree(tmp_path)
    tree = make_tree()
    tree["stages"]["adapt"]["rate"] = 0.5
    run_tree(tmp_path, tree)
    run_tree(tmp_path)
    assert (tmp_path / "adapt/CURRENT").read_text() == "a0001\n"
    assert not (tmp_path / "adapt/a0003").exists()


def test_a_restarted_stage_with_the_same_result_leaves_what_depends_on_it_fresh(tmp_path):
    run_tree(tmp_path)
    assert run_tree(tmp_path, restart=("pretrain",)) == {"pretrain": "stale", "adapt": "fresh", "score": "fresh"}
    assert (tmp_path / "pretrain/CURRENT").read_text() == "a0002\n"


def test_until_runs_a_stage_and_what_it_needs(tmp_path):
    assert list(run_tree(tmp_path, until="adapt")) == ["pretrain", "adapt"]
    with pytest.raises(ConfigError, match=r"there is no stage 'adpt'.*did you mean 'adapt'"):
        run_tree(tmp_path, until="adpt")


def test_a_failed_stage_leaves_its_reason_and_is_continued(tmp_path):
    stages = make_failing("count", 10, PipelineError("the loss is not finite"))
    with pytest.raises(PipelineError, match="the loss is not finite"):
        run_tree(tmp_path, stages=stages)
    failure = json.loads((tmp_path / "pretrain/a0001/failure.json").read_text())
    assert failure["message"] == "the loss is not finite"
    assert "Traceback" in failure["traceback"]
    plan, folder = read_plan(tmp_path / "plan.json"), RunDir(tmp_path)
    assert str(assess_all(plan, folder)["pretrain"]) == (
        "missing: attempt a0001 is unfinished, resume point at step 8, it failed: see failure.json"
    )
    run_tree(tmp_path)
    assert (tmp_path / "pretrain/CURRENT").read_text() == "a0001\n"
    assert not (tmp_path / "pretrain/a0001/failure.json").exists()


@pytest.mark.parametrize("steps", [0, 3, 4, 5, 11, 19])
def test_an_interrupted_run_ends_like_an_uninterrupted_one(tmp_path, steps):
    run_tree(tmp_path / "whole")
    with pytest.raises(RunInterrupted, match=r"interrupted in stage pretrain, .*\. Run the same command to resume"):
        run_tree(tmp_path / "cut", stages=make_failing("count", steps, KeyboardInterrupt()))
    assert not (tmp_path / "cut/pretrain/a0001/failure.json").exists()
    run_tree(tmp_path / "cut")
    assert read_outputs(tmp_path / "cut") == read_outputs(tmp_path / "whole")


def test_a_request_to_terminate_is_an_interruption(tmp_path):
    def ask(context: StageContext) -> StageResult:
        signal.raise_signal(signal.SIGTERM)
        raise AssertionError("the signal was not delivered")

    before = signal.getsignal(signal.SIGTERM)
    stages = {**STAGES, "combine": dataclasses.replace(STAGES["combine"], run=ask)}
    with pytest.raises(RunInterrupted, match="interrupted in stage adapt, near its beginning"):
        run_tree(tmp_path, stages=stages)
    assert signal.getsignal(signal.SIGTERM) is before


def test_an_unfinished_attempt_with_other_settings_is_left_alone(tmp_path):
    with pytest.raises(RunInterrupted):
        run_tree(tmp_path, stages=make_failing("count", 10, KeyboardInterrupt()))
    tree = make_tree()
    tree["stages"]["pretrain"]["steps"] = 21
    run_tree(tmp_path, tree)
    assert (tmp_path / "pretrain/CURRENT").read_text() == "a0002\n"
    assert (tmp_path / "pretrain/a0001/resume/step-000008").is_dir()


def test_a_damaged_resume_point_stops_the_run_and_names_both_ways_out(tmp_path):
    with pytest.raises(RunInterrupted):
        run_tree(tmp_path / "run", stages=make_failing("count", 14, KeyboardInterrupt()))
    run_tree(tmp_path / "whole")
    state = tmp_path / "run/pretrain/a0001/resume/step-000012/state.txt"
    state.write_text("x" + state.read_text()[1:])
    with pytest.raises(CheckpointError) as caught:
        run_tree(tmp_path / "run")
    sentence = str(caught.value)
    assert re.search("step-000012 is damaged: file state.txt: sha256 differs", sentence)
    assert "--resume-from 8" in sentence
    assert "--restart pretrain" in sentence
    run_tree(tmp_path / "run", resume_from="8")
    assert (tmp_path / "run/pretrain/CURRENT").read_text() == "a0001\n"
    assert read_outputs(tmp_path / "run") == read_outputs(tmp_path / "whole")


def test_restart_leaves_the_damaged_attempt_where_it_is(tmp_path):
    with pytest.raises(RunInterrupted):
        run_tree(tmp_path, stages=make_failing("count", 14, KeyboardInterrupt()))
    (tmp_path / "pretrain/a0001/resume/step-000012/state.txt").unlink()
    with pytest.raises(CheckpointError, match=r"file state\.txt is missing"):
        run_tree(tmp_path)
    run_tree(tmp_path, restart=("pretrain",))
    assert (tmp_path / "pretrain/CURRENT").read_text() == "a0002\n"
    assert (tmp_path / "pretrain/a0001/resume/step-000012").is_dir()


def test_resume_from_takes_a_folder_and_refuses_others(tmp_path):
    with pytest.raises(RunInterrupted):
        run_tree(tmp_path, stages=make_failing("count", 14, KeyboardInterrupt()))
    with pytest.raises(CheckpointError, match=r"no resume point at step 5 in .*; expected one of \[8, 12\]"):
        run_tree(tmp_path, resume_from="step-000005")
    with pytest.raises(CheckpointError, match="a step such as 4000"):
        run_tree(tmp_path, resume_from="elsewhere/step-000008")
    run_tree(tmp_path, resume_from=str(tmp_path / "pretrain/a0001/resume/step-000008"))
    assert (tmp_path / "pretrain/CURRENT").read_text() == "a0001\n"


def test_the_newest_two_resume_points_are_kept(tmp_path):
    with pytest.raises(RunInterrupted):
        run_tree(tmp_path, stages=make_failing("count", 18, KeyboardInterrupt()))
    names = sorted(path.name for path in (tmp_path / "pretrain/a0001/resume").iterdir())
    assert names == ["step-000012", "step-000016"]


def test_data_that_is_not_given_skips_what_needs_it_and_is_dropped_elsewhere(tmp_path):
    tree = make_tree()
    tree["data"]["ceiling"] = {"kind": "folder", "root": None, "optional": True}
    tree["stages"]["best_case"] = {"kind": "count", "train": "big", "data": "ceiling"}
    tree["stages"]["after"] = {"kind": "combine", "teacher": "best_case.best", "target": "target"}
    tree["stages"]["score"]["models"]["c"] = "best_case.best"
    tree["stages"]["nothing"] = {"kind": "score", "models": {"c": "best_case.best"}, "data": "target"}
    states = run_tree(tmp_path, tree)
    assert {name for name, state in states.items() if state == "skipped"} == {"best_case", "after", "nothing"}
    reasons = {stage.name: stage.skipped for stage in read_plan(tmp_path / "plan.json") if stage.skipped}
    assert reasons["best_case"] == "data.ceiling has no root; set data.ceiling.root"
    assert reasons["after"].startswith("best_case is skipped (data.ceiling has no root")
    assert sorted(json.loads((tmp_path / "score/a0001/summary.json").read_text())) == ["a", "b"]


def test_a_stage_that_never_asks_for_a_resume_point_does_not_log_twice(tmp_path):
    broken = dataclasses.replace(STAGES["score"], provides=("best",))
    with pytest.raises(ManifestError, match=r"stage score left \[\]"):
        run_tree(tmp_path, stages={**STAGES, "score": broken})
    run_tree(tmp_path)
    assert (tmp_path / "score/a0001/metrics.jsonl").read_text().count("scored") == 1


def test_an_output_that_was_promised_but_not_written_is_not_committed(tmp_path):
    stages = {**STAGES, "combine": dataclasses.replace(STAGES["combine"], provides=("best", "last"))}
    with pytest.raises(ManifestError, match=r"stage adapt left \['best'\]; expected exactly \['best', 'last'\]"):
        run_tree(tmp_path, stages=stages)
    assert not (tmp_path / "adapt/CURRENT").exists()


def test_preview_writes_nothing(tmp_path):
    verdicts = preview(make_config(), STAGES, run_dir=tmp_path / "run", data_digest=data_digest)
    assert [str(verdict) for verdict in verdicts.values()] == [
        "missing: nothing has been committed yet",
        "waits: for pretrain",
        "waits: for pretrain, adapt",
    ]
    assert not (tmp_path / "run").exists()


def test_a_moved_run_is_still_fresh(tmp_path):
    run_tree(tmp_path / "here")
    (tmp_path / "here").rename(tmp_path / "there")
    assert set(run_tree(tmp_path / "there").values()) == {"fresh"}


def test_other_sources_are_a_note_unless_code_is_strict(tmp_path, monkeypatch):
    run_tree(tmp_path)
    monkeypatch.setattr("pipeline.runner.sources_digest", lambda: "0" * 64)
    verdicts = preview(make_config(), STAGES, run_dir=tmp_path, data_digest=data_digest)
    assert str(verdicts["adapt"]).startswith("fresh (made by other sources, commit ")
    assert run_tree(tmp_path, strict_code=True)["pretrain"] == "stale"


def test_a_stage_of_another_version_is_stale(tmp_path):
    run_tree(tmp_path)
    stages = {**STAGES, "count": dataclasses.replace(STAGES["count"], version=2)}
    verdict = preview(make_config(), stages, run_dir=tmp_path, data_digest=data_digest)["pretrain"]
    assert str(verdict) == "stale: stage_version 1 → 2"
