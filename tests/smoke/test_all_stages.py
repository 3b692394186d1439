"""Every stage runs, leaves exactly the files that it should, and is not run again without a reason."""

import json
import subprocess
import sys

import pytest

from pipeline.build import data_digest
from pipeline.checkpoint import load_model
from pipeline.errors import ConfigError
from pipeline.runner import preview
from stages import STAGES
from tests.smoke.tiny import (
    MODELS,
    attempt_of,
    make_config,
    make_tree,
    manifest_of,
    only,
    rows_of,
    run_command,
    run_tree,
    weights_of,
)

COMMON = {"attempt.json", "config.yaml", "manifest.json", "summary.json"}
TRAINED = COMMON | {"best.safetensors", "last.safetensors", "metrics.jsonl"}
FILES = {
    "pretrain": TRAINED,
    "direct": TRAINED,
    "adapt": TRAINED | {"teacher.safetensors"},
    "ceiling": TRAINED,
    "score": COMMON | {"strips.json", "embedding_map.npz"},
}
OF_A_STAGE = {"CURRENT", ".lock", ".lock-holder", "a0001"}
OF_A_RUN = {"config.yaml", "plan.json", "results.json", "report.html"}
ROW_KEYS = {"model", "role", "domain", "mAP", "cmc", "mINP", "queries", "skipped_queries", "params", "macs"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stages.evaluate.images_per_second", lambda model: 1.0)
        folder = tmp_path_factory.mktemp("smoke") / "run"
        assert run_command(make_tree(), folder) == 0
        yield folder


def test_the_files_are_exactly_these(finished):
    assert {path.name for path in finished.iterdir()} == OF_A_RUN | set(FILES)
    for stage, files in FILES.items():
        assert {path.name for path in (finished / stage).iterdir()} == OF_A_STAGE
        assert {path.name for path in (finished / stage / "a0001").iterdir()} == files


def test_results_have_their_schema(finished):
    results = json.loads((finished / "results.json").read_text())
    assert {"schema", "run", "seed", "reid", "detection", "gap_closed"} <= set(results)
    assert (results["schema"], results["run"], results["seed"]) == (1, "tiny", 17)
    assert set(results["gap_closed"]) == {"reid", "detection"}
    assert {row["role"]: row["model"] for row in results["reid"]} == MODELS
    for row in results["reid"]:
        assert set(row) >= ROW_KEYS
        assert 0.0 <= row["mINP"] <= row["mAP"] <= 1.0
        assert 0.0 <= row["cmc"]["1"] <= row["cmc"]["5"] <= row["cmc"]["10"] <= 1.0
        assert row["queries"] > 0
    students = {row["params"] for row in results["reid"] if row["role"].startswith("student")}
    teachers = {row["params"] for row in results["reid"] if row["role"].startswith("teacher")}
    assert len(students) == len(teachers) == 1
    assert students < teachers or students.pop() < teachers.pop()


def test_the_report_is_one_file_without_outside_parts(finished):
    report = (finished / "report.html").read_text()
    assert all(stage in report for stage in FILES)
    assert 'src="http' not in report


def test_labels_of_the_target_are_read_by_the_ceiling_and_the_evaluation_only(finished):
    read = {(s, name): entry["labels_read"] for s in FILES for name, entry in manifest_of(finished, s)["data"].items()}
    assert read == {
        ("pretrain", "source"): True,
        ("direct", "source"): True,
        ("adapt", "source"): True,
        ("adapt", "target"): False,
        ("ceiling", "source"): True,
        ("ceiling", "target"): True,
        ("score", "probe"): True,
    }


def test_a_student_file_holds_no_teacher_and_knows_the_target_cameras(finished):
    student = load_model(attempt_of(finished, "adapt") / "best.safetensors")
    teacher = load_model(attempt_of(finished, "adapt") / "teacher.safetensors")
    assert student.cameras is not None
    assert student.cameras.names == ("1", "2", "3")
    sizes = [sum(p.numel() for p in loaded.model.parameters()) for loaded in (student, teacher)]
    assert sizes[0] < sizes[1]
    assert load_model(attempt_of(finished, "direct") / "best.safetensors").cameras is None


def test_files_hold_thresholds_from_labels_of_the_source_and_clusters_of_the_target_alone(finished):
    found = {
        f"{stage}.{role}": load_model(attempt_of(finished, stage) / f"{role}.safetensors").match
        for stage, role in (("direct", "best"), ("direct", "last"), ("adapt", "best"), ("adapt", "teacher"),
                            ("adapt", "last"), ("ceiling", "best"))
    }  # fmt: skip
    assert {name for name, record in found.items() if record is None} == {"direct.last", "adapt.last", "ceiling.best"}
    kinds = {name: {(e.data, e.labels) for e in record.evidence} for name, record in found.items() if record}
    assert kinds["direct.best"] == {("source", "persons")}
    for name in ("adapt.best", "adapt.teacher"):
        assert ("source", "persons") in kinds[name] <= {("source", "persons"), ("target", "clusters")}
    told = manifest_of(finished, "adapt")["metrics"]["match"]
    assert told == {role: found[f"adapt.{role}"].summary(is_standardised=True) for role in ("best", "teacher")}
    assert 0 < told["best"]["threshold"] < 2


def test_people_whom_nobody_was_trained_on_go_before_all_others(tmp_path):
    tree = make_tree()
    tree["data"]["others"] = {**tree["data"]["source"], "split": "query_gallery"}
    tree["stages"]["direct"]["match_data"] = "others"
    run_tree(only(tree, "direct"), tmp_path / "run")
    record = load_model(attempt_of(tmp_path / "run", "direct") / "best.safetensors").match
    assert record.chosen(0.1, is_standardised=False)[0].labels == "new_persons"
    entry = manifest_of(tmp_path / "run", "direct")["data"]["others"]
    assert entry["labels_read"] is True
    tree["stages"]["direct"]["match_data"] = "source"
    with pytest.raises(ConfigError, match="name labelled crops of other people"):
        make_config(tree)


def test_an_evaluation_says_whether_the_stored_threshold_holds(finished):
    rows = {row["role"]: row for row in json.loads((finished / "results.json").read_text())["reid"]}
    for row in rows.values():
        assert row["verification"]["impostors"] > row["verification"]["genuine"] > 0
        assert list(row["verification"]["tpr_at_fpr"].values()) == sorted(row["verification"]["tpr_at_fpr"].values())
        assert row["open_set"]["left_out"] == 3
    assert "holds no threshold" in rows["student_supervised"]["match"]["missing"]
    told = rows["student_adapted"]["match"]
    assert (told["rate"], told["labels"] in ("persons", "clusters")) == (0.01, True)
    assert 0 <= told["false_match_rate"] <= 1
    assert "Same person or not" in (finished / "report.html").read_text()


def test_rounds_are_numbered_and_steps_logged(finished):
    assert [row["round"] for row in rows_of(finished, "adapt", "round")] == [0, 1, 2]
    assert [row["step"] for row in rows_of(finished, "adapt", "step")] == [3, 6]
    terms = rows_of(finished, "adapt", "step")[-1]["terms"]
    assert {name.split(".")[0] for name in terms} == {"teacher", "student"}


def test_a_second_run_does_nothing(finished, capsys):
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("a0001/*")}
    assert run_tree(make_tree(), finished) == dict.fromkeys(FILES, "fresh")
    assert {path: path.stat().st_mtime_ns for path in finished.rglob("a0001/*")} == before


def test_one_changed_weight_makes_its_stage_stale_and_the_next_wait(finished):
    tree = make_tree()
    tree["stages"]["direct"]["objectives"] = {"cross_entropy": {"smoothing": 0.1}, "triplet": {"margin": 0.5}}
    verdicts = preview(make_config(tree), STAGES, run_dir=finished, data_digest=data_digest)
    assert str(verdicts["direct"]) == "stale: objectives.triplet.margin 0.3 → 0.5"
    assert {name: verdict.state for name, verdict in verdicts.items()} == {
        "pretrain": "fresh",
        "direct": "stale",
        "adapt": "waits",
        "ceiling": "waits",
        "score": "waits",
    }


def test_operational_settings_change_nothing(finished):
    tree = make_tree(keep_rounds=True)
    tree["runtime"] |= {"workers": 1, "log_every_seconds": 1.0, "checkpoint_every_steps": 7}
    assert run_tree(tree, finished) == dict.fromkeys(FILES, "fresh")


def test_the_same_seed_gives_the_same_weights_with_data_workers_and_another_folder(finished, tmp_path):
    tree = make_tree()
    tree["runtime"] |= {"workers": 1, "checkpoint_every_steps": None}
    run_tree(only(tree, "direct"), tmp_path / "other")
    assert weights_of(tmp_path / "other", "direct") == weights_of(finished, "direct")
    tree["seed"] = 18
    run_tree(only(tree, "direct"), tmp_path / "third")
    assert weights_of(tmp_path / "third", "direct") != weights_of(finished, "direct")


def test_status_is_told_without_loading_torch(finished):
    code = (
        "import sys; from tools.status import main; code = main([sys.argv[1]]);"
        "assert 'torch' not in sys.modules; sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(finished)], capture_output=True, text=True, check=True)
    assert [line.split() for line in done.stdout.splitlines()] == [[stage, "fresh"] for stage in FILES]


def test_snapshots_of_rounds_are_kept_where_asked(tmp_path):
    tree = only(make_tree(keep_rounds=True, init=None, mode="uda_only"), "pretrain", "adapt")
    run_tree(tree, tmp_path / "run")
    names = [path.name for path in sorted(attempt_of(tmp_path / "run", "adapt").glob("round-*"))]
    assert names == [f"round-{number:03d}.safetensors" for number in range(3)]
    assert load_model(attempt_of(tmp_path / "run", "adapt") / names[0]).cameras is not None
