"""Everything that can be wrong with a run folder is noticed and said in a sentence."""

import errno
import json
import multiprocessing
import os
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import LockedError, ManifestError, PipelineError
from pipeline.locks import stage_lock
from pipeline.plan import read_plan
from pipeline.run_dir import RunDir
from pipeline.runner import preview
from pipeline.stage import StageContext, StageResult
from pipeline.verdict import assess_all
from tests.unit.runner.fakes import STAGES, data_digest, make_config, make_tree, run_tree


def verdict_of(folder: Path, stage: str) -> str:
    return str(assess_all(read_plan(folder / "plan.json"), RunDir(folder))[stage])


def edit_manifest(attempt: Path, **changes: object) -> None:
    content = json.loads((attempt / "manifest.json").read_text())
    (attempt / "manifest.json").write_text(json.dumps({**content, **changes}))


@pytest.fixture
def finished(tmp_path):
    run_tree(tmp_path)
    return tmp_path


def test_a_flipped_bit_is_damage_and_only_that_stage_runs_again(finished):
    path = finished / "pretrain/a0001/best.bin"
    content = bytearray(path.read_bytes())
    content[7] ^= 1
    path.write_bytes(content)
    assert verdict_of(finished, "pretrain") == "damaged: file best.bin: sha256 differs"
    assert run_tree(finished) == {"pretrain": "damaged", "adapt": "fresh", "score": "fresh"}
    assert (finished / "pretrain/CURRENT").read_text() == "a0002\n"


def test_a_truncated_file_is_damage(finished):
    os.truncate(finished / "pretrain/a0001/metrics.jsonl", 10)
    assert verdict_of(finished, "pretrain") == "damaged: file metrics.jsonl: sha256 differs"


def test_a_missing_file_is_damage(finished):
    (finished / "adapt/a0001/best.bin").unlink()
    assert verdict_of(finished, "adapt") == "damaged: file best.bin is missing"


def test_a_link_in_place_of_a_file_is_damage(finished):
    path = finished / "adapt/a0001/best.bin"
    path.rename(finished / "best.bin")
    path.symlink_to(finished / "best.bin")
    assert "best.bin is a symbolic link" in verdict_of(finished, "adapt")


@pytest.mark.parametrize("name", ["../pretrain/a0001/best.bin", "/etc/passwd", "a//b", "./best.bin", "a\\b", ""])
def test_a_path_that_leaves_the_attempt_is_damage(finished, name):
    edit_manifest(finished / "adapt/a0001", files={name: "0" * 64}, outputs={})
    assert "expected a relative, normalised path inside the attempt" in verdict_of(finished, "adapt")


def test_an_unknown_schema_stops_the_run(finished):
    edit_manifest(finished / "adapt/a0001", schema=7)
    assert verdict_of(finished, "adapt").startswith("unknown: unknown schema 7")
    with pytest.raises(ManifestError, match="stage adapt: unknown schema 7; expected schema 1"):
        run_tree(finished)
    run_tree(finished, restart=("adapt",))
    assert verdict_of(finished, "adapt") == "fresh"


@pytest.mark.parametrize("text", ["", "{", "[]", "\udcff".encode("utf-8", "surrogateescape").decode("latin1"), "{}"])
def test_a_manifest_that_is_no_manifest_is_damage_or_unknown(finished, text):
    (finished / "adapt/a0001/manifest.json").write_text(text)
    assert verdict_of(finished, "adapt").startswith("unknown" if text == "{}" else "damaged")


def test_a_manifest_with_other_keys_or_another_identity_is_damage(finished):
    edit_manifest(finished / "adapt/a0001", comment="hello")
    assert "missing or unknown keys ['comment']" in verdict_of(finished, "adapt")
    edit_manifest(finished / "pretrain/a0001", identity={"seed": 3})
    assert "the fingerprint is not that of the identity" in verdict_of(finished, "pretrain")


@pytest.mark.parametrize("text", ["a0009\n", "../x\n", "", "a0001\na0002\n"])
def test_a_current_that_names_no_attempt_is_damage(finished, text):
    (finished / "adapt/CURRENT").write_text(text)
    assert verdict_of(finished, "adapt").startswith("damaged: file CURRENT")
    run_tree(finished)
    assert (finished / "adapt/CURRENT").read_text() == "a0001\n"


def test_a_lost_upstream_attempt_makes_the_stage_wait(finished):
    (finished / "pretrain/CURRENT").unlink()
    assert verdict_of(finished, "adapt") == "waits: for pretrain"


def test_an_input_that_changes_while_the_stage_runs_fails_it(tmp_path):
    def meddle(context: StageContext) -> StageResult:
        result = STAGES["combine"].run(context)
        context.inputs["pretrain.best"].path.write_text("something else")
        return result

    stages = {
        **STAGES,
        "combine": replace(STAGES["combine"], run=meddle),
    }
    with pytest.raises(ManifestError, match=r"input pretrain.best \(.*\) was found changed after the stage had run"):
        run_tree(tmp_path, stages=stages)
    assert not (tmp_path / "adapt/CURRENT").exists()


def test_data_that_changes_between_planning_and_reading_fails_the_stage(tmp_path):
    def reread(context: StageContext) -> StageResult:
        result = STAGES["combine"].run(context)
        return StageResult(result.outputs, result.metrics, {"target": {"digest": "f" * 64, "labels_read": False}})

    stages = {
        **STAGES,
        "combine": replace(STAGES["combine"], run=reread),
    }
    with pytest.raises(ManifestError, match=r"data\.target changed between planning"):
        run_tree(tmp_path, stages=stages)


def hold_lock(folder: Path, ready, done) -> None:
    with stage_lock(RunDir(folder).stage("pretrain")):
        ready.set()
        done.wait(20)


def test_a_second_runner_is_refused_with_host_and_pid(tmp_path):
    context = multiprocessing.get_context("fork")
    ready, done = context.Event(), context.Event()
    holder = context.Process(target=hold_lock, args=(tmp_path, ready, done))
    holder.start()
    assert ready.wait(20)
    try:
        with pytest.raises(LockedError, match=rf"stage pretrain .* by another process \(host \S+, pid {holder.pid}\)"):
            run_tree(tmp_path)
    finally:
        done.set()
        holder.join()
    assert run_tree(tmp_path)["pretrain"] == "missing"


def test_a_lock_is_free_again_when_its_holder_was_killed(tmp_path):
    context = multiprocessing.get_context("fork")
    ready, done = context.Event(), context.Event()
    holder = context.Process(target=hold_lock, args=(tmp_path, ready, done))
    holder.start()
    assert ready.wait(20)
    holder.kill()
    holder.join()
    assert run_tree(tmp_path)["pretrain"] == "missing"


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "No space left on device", "best.bin"), RuntimeError("I/O error: No space left on device")],
)
def test_a_full_disk_is_said_in_words_and_costs_nothing(tmp_path, error):
    def fill(context: StageContext) -> StageResult:
        raise error

    stages = {
        **STAGES,
        "combine": replace(STAGES["combine"], run=fill),
    }
    with pytest.raises(PipelineError, match=r"disk full while writing .*Free space and run the same command again"):
        run_tree(tmp_path, stages=stages)
    assert run_tree(tmp_path) == {"pretrain": "fresh", "adapt": "missing", "score": "missing"}


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(ManifestError, match=r"is not a run; expected a folder with plan\.json"):
        read_plan(tmp_path / "plan.json")


def test_a_manifest_of_another_stage_is_damage(finished):
    edit_manifest(finished / "adapt/a0001", stage="other")
    assert "the manifest is that of stage 'other'; expected 'adapt'" in verdict_of(finished, "adapt")


def test_changed_settings_are_told_by_key_and_value(finished):
    tree = make_tree()
    tree["stages"]["pretrain"]["objectives"] = {"relation": {"weight": 25.0}}
    run_tree(finished, tree)
    tree["stages"]["pretrain"]["objectives"] = {"relation": {"weight": 10.0}, "kd": {}}
    run_tree(finished, tree, until="pretrain")
    tree["stages"]["pretrain"]["objectives"] = {"relation": {"weight": 25.0}}
    tree["seed"] = 18
    verdict = preview(make_config(tree), STAGES, run_dir=finished, data_digest=data_digest)["pretrain"]
    assert str(verdict) == "stale: objectives.kd {} → (absent), objectives.relation.weight 10.0 → 25.0, seed 17 → 18"
