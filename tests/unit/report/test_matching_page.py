"""The table of 'same person or not': what was promised beside what came out, and why nothing was promised."""

from pipeline.report.collect import collect
from pipeline.report.html import write_report
from pipeline.report.page_matching import matching_block
from tests.unit.report.make_run import edit_json, make_row, make_run
from tests.unit.report.test_html import read

KEPT = {"rate": 0.01, "threshold": 0.4321, "from": "900 pairs of clusters of target", "labels": "clusters",
        "false_match_rate": 0.0123, "true_match_rate": 0.71}  # fmt: skip


def make_measured(role, match):
    return {
        **make_row(role),
        "verification": {"genuine": 9, "impostors": 990, "tpr_at_fpr": {"0.01": 0.66, "0.1": 0.9}},
        "open_set": {"left_out": 5, "known": 20, "unknown": 30, "dir_at_far": {"0.1": 0.55}},
        "match": match,
    }


def test_a_promise_stands_beside_what_came_out():
    block = matching_block([make_measured("student_adapted", KEPT)])
    cells = [">–<", ">66.0<", ">–<", ">55.0<", ">0.432<", ">1.0<", ">1.23<", ">71.0<"]
    row = block[block.index("<tbody") :]
    places = [row.index(cell) for cell in cells]
    assert places[1] < places[3] < places[4] < places[5] < places[6] < places[7]
    assert row.count(">–<") == 2
    assert "Where thresholds come from: adapted student: 900 pairs of clusters of target." in block


def test_why_there_is_no_threshold_is_said():
    block = matching_block([make_measured("student_supervised", {"missing": "the model's file holds none"})])
    assert "come from: supervised student (ceiling): the model&#x27;s file holds none." in block


def test_a_reason_that_several_models_share_is_told_once():
    rows = [make_measured(role, {"missing": "no file"}) for role in ("student_direct", "student_adapted")]
    assert "come from: source-only student, adapted student: no file." in matching_block(rows)


def test_runs_of_before_have_no_table():
    assert matching_block([make_row("student_adapted")]) is None
    assert matching_block([]) is None


def test_what_is_odd_in_a_file_is_shown_as_unknown():
    odd = {**make_row("student_adapted"), "verification": {"tpr_at_fpr": 3}, "open_set": [], "match": "x"}
    assert matching_block([odd]).count(">–<") == 8


def test_results_and_report_have_the_numbers(tmp_path):
    run = make_run(tmp_path, pictures=False, logs=False)
    edit_json(run / "score" / "a0001" / "summary.json", {"rows": [make_measured("student_adapted", KEPT)]})
    (row,) = [row for row in collect(run)["reid"] if row["stage"] == "score"]
    assert row["match"] == KEPT
    assert row["open_set"]["dir_at_far"] == {"0.1": 0.55}
    assert "Same person or not" in read(write_report(run))[1]
