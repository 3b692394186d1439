import json
import os

import pytest

from pipeline.errors import ManifestError
from pipeline.report.collect import collect, format_table, write_results
from pipeline.report.roles import interval, is_number, percent, quantity
from tests.unit.report.make_run import SCORES, edit_json, make_evaluation, make_row, make_run, make_stage

REID_KEYS = ["model", "role", "domain", "mAP", "cmc", "mINP", "queries", "skipped_queries", "params", "macs"]


def gap(results: dict) -> tuple:
    return results["gap_closed"]["reid"], results["gap_closed_reason"].get("reid", "")


def test_results_follow_the_schema(tmp_path):
    results = collect(make_run(tmp_path, pictures=False))
    assert list(results)[:6] == ["schema", "run", "seed", "reid", "detection", "gap_closed"]
    assert (results["schema"], results["run"], results["seed"]) == (1, "quickstart", 17)
    assert list(results["reid"][0])[: len(REID_KEYS)] == REID_KEYS
    assert [row["role"] for row in results["reid"] if row["domain"] == "target"] == list(SCORES)
    assert set(results["gap_closed"]) == {"reid", "detection"}
    assert all(0 <= row["mAP"] <= 1 for row in results["reid"])


def test_gap_closed_is_a_share_of_the_way_to_the_ceiling(tmp_path):
    value, _ = gap(collect(make_run(tmp_path, pictures=False)))
    assert value == pytest.approx((0.463 - 0.312) / (0.571 - 0.312), abs=1e-12)


def test_source_scores_do_not_enter_the_gap(tmp_path):
    run = make_run(tmp_path, roles=("student_direct", "student_adapted"), pictures=False)
    make_evaluation(
        run, "score_source", roles=("student_direct", "student_adapted", "student_supervised"), domain="source"
    )
    assert gap(collect(run)) == (None, "no supervised student was evaluated on the target")


@pytest.mark.parametrize(
    ("roles", "reason"),
    [
        ((), "no student was evaluated on the target"),
        (("teacher_direct",), "no student was evaluated on the target"),
        (("student_adapted",), "no source-only and no supervised student was evaluated on the target"),
        (("student_direct", "student_supervised"), "no adapted student was evaluated on the target"),
    ],
)
def test_missing_models_leave_a_reason(tmp_path, roles, reason):
    assert gap(collect(make_run(tmp_path, roles=roles, pictures=False))) == (None, reason)


def test_a_ceiling_below_the_floor_is_no_gap(tmp_path):
    run = make_run(tmp_path, pictures=False)
    rows = [make_row(role) for role in SCORES]
    rows[-1]["mAP"] = 0.3
    edit_json(run / "score" / "a0001" / "summary.json", {"rows": rows})
    value, reason = gap(collect(run))
    assert value is None
    assert "30.0 %" in reason
    assert "31.2 %" in reason


def test_values_that_are_not_finite_become_null(tmp_path):
    run = make_run(tmp_path, pictures=False)
    row = {**make_row("student_adapted"), "mAP": float("nan"), "cmc": None, "mAP_interval": [float("inf"), 1]}
    edit_json(run / "score" / "a0001" / "summary.json", {"rows": [row]})
    stored = json.loads(write_results(run).read_text(), parse_constant=lambda name: pytest.fail(name))
    found = next(row for row in stored["reid"] if row["stage"] == "score")
    assert (found["mAP"], found["cmc"], found["mAP_interval"]) == (None, {}, [None, 1])


def test_detection_rows_have_their_own_part_and_gap(tmp_path):
    run = make_run(tmp_path, pictures=False)
    scores = {"student_direct": 0.2, "student_adapted": 0.5, "student_supervised": 0.6}
    rows = [{"model": role, "role": role, "ap50": v, "ap": v / 2, "mr2": 1 - v} for role, v in scores.items()]
    edit_json(run / "score" / "a0001" / "summary.json", {"detection": rows})
    results = collect(run)
    assert results["gap_closed"]["detection"] == pytest.approx(0.75)
    assert list(results["detection"][0])[:8] == ["model", "role", "domain", "ap50", "ap", "mr2", "params", "macs"]
    assert "AP50 %" in format_table(results)


def test_results_are_replaced_in_one_step(tmp_path):
    run = make_run(tmp_path, pictures=False)
    assert write_results(run) == run / "results.json"
    first = (run / "results.json").read_bytes()
    write_results(run)
    assert (run / "results.json").read_bytes() == first
    assert [name for name in os.listdir(run) if "results" in name] == ["results.json"]


@pytest.mark.parametrize("content", [None, "file", "empty"])
def test_a_folder_that_is_no_run_is_refused(tmp_path, content):
    path = tmp_path / "x"
    if content == "file":
        path.write_text("")
    if content == "empty":
        path.mkdir()
    with pytest.raises(ManifestError, match="expected the folder of a run"):
        collect(path)


def test_table_shows_names_percentages_and_the_gap(tmp_path):
    lines = format_table(collect(make_run(tmp_path, pictures=False))).splitlines()
    header, ceiling = lines[1], next(line for line in lines if line.startswith("supervised student (ceiling)"))
    assert header.split() == ["model", "mAP", "%", "R1", "%", "R5", "%", "mINP", "%", "parameters", "MACs", "images/s"]
    assert ceiling.split("  ")[0] == "supervised student (ceiling)"
    assert "57.1" in ceiling
    assert "1.24 M" in ceiling
    assert lines[-1].startswith("Gap closed (re-ID): 58 % ")
    assert len({len(line) for line in lines[1:8]}) == 1


def test_a_run_without_evaluation_says_so(tmp_path):
    run = tmp_path / "run"
    make_stage(run, "pretrain", outputs=("best",))
    assert "nothing to compare" in format_table(collect(run))


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (934.2, "934"), (999.6, "1000"), (1000, "1 k"), (1_240_000, "1.24 M"), (4.089e9, "4.09 G"), (None, "–")],
)
def test_quantities_have_three_digits(value, text):
    assert quantity(value) == text


def test_numbers_are_told_from_everything_else():
    assert [is_number(v) for v in (1, 0.5, True, "1", None, float("nan"), float("inf"))] == [True, True] + 5 * [False]
    assert percent(0.4567) == "45.7"
    assert percent(float("nan")) == "–"
    assert interval([0.1, 0.25]) == "10.0 – 25.0"
    assert interval([0.1, None]) == ""
