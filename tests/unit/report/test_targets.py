"""Runs with several targets: means in the headline, every target by its name."""

import json

import pytest

from pipeline.report.collect import collect
from pipeline.report.html import write_report
from pipeline.report.page_training import group_terms
from pipeline.report.targets import mean_rows, rows_by_target, target_domains
from tests.unit.report.make_run import make_evaluation, make_row, make_run
from tests.unit.report.test_html import read

ROLES = ("student_direct", "student_adapted", "student_supervised")


def make_targets(root, *, shift=0.1, roles=ROLES):
    """Write a run with evaluations on two targets; the student at the second is better by the shift."""
    run = make_run(root, pictures=False, logs=False)
    for name, domain, more in (("score", "plaza", 0.0), ("score_source", "station", shift)):
        attempt = make_evaluation(run, name, roles=roles, domain=domain)
        rows = [{**make_row(role, domain), "mAP": make_row(role)["mAP"] + more} for role in roles]
        summary = json.loads((attempt / "summary.json").read_text())
        (attempt / "summary.json").write_text(json.dumps({**summary, "rows": rows}))
    return run


def test_the_domain_called_target_is_the_only_one_where_there_is_one():
    rows = [{"domain": name} for name in ("source", "target", "other")]
    assert target_domains(rows) == ["target"]
    assert target_domains([rows[0], rows[2], {"domain": "another"}]) == ["another", "other"]
    assert target_domains(rows[:1]) == target_domains([]) == []
    assert mean_rows({}) == []


def test_means_are_taken_over_roles_that_every_target_has():
    by_target = {
        "a": [{"role": "x", "model": "m.best", "mAP": 0.2, "cmc": {"1": 0.5, "5": 0.6}, "mAP_interval": [0, 1]},
              {"role": "y", "model": "n.best", "mAP": 0.9, "cmc": {}}],
        "b": [{"role": "x", "model": "o.best", "mAP": 0.4, "cmc": {"1": 0.7}}],
    }  # fmt: skip
    (row,) = mean_rows(by_target)
    assert row == {"role": "x", "model": "m.best · o.best", "mAP": pytest.approx(0.3), "cmc": {"1": pytest.approx(0.6)}}
    by_target["b"][0]["mAP"] = None
    assert mean_rows(by_target)[0]["mAP"] is None


def test_the_gap_is_the_mean_over_targets(tmp_path):
    results = collect(make_targets(tmp_path))
    assert rows_by_target(results["reid"]).keys() == {"plaza", "station"}
    each = results["gap_closed_targets"]["reid"]
    assert each == {name: pytest.approx((0.463 - 0.312) / (0.571 - 0.312)) for name in ("plaza", "station")}
    assert results["gap_closed"]["reid"] == pytest.approx(sum(each.values()) / 2)


def test_one_target_without_a_ceiling_leaves_the_reason(tmp_path):
    run = make_targets(tmp_path)
    make_evaluation(run, "score", roles=ROLES[:2], domain="plaza")
    results = collect(run)
    assert results["gap_closed"]["reid"] is None
    assert results["gap_closed_reason"]["reid"] == "plaza: no supervised student was evaluated on the target"
    assert results["gap_closed_targets"]["reid"]["station"] is not None


def test_a_run_with_one_target_has_no_list_of_gaps(tmp_path):
    assert collect(make_run(tmp_path, pictures=False, logs=False))["gap_closed_targets"] == {}


def test_the_page_names_every_target(tmp_path):
    _, text = read(write_report(make_targets(tmp_path)))
    assert "The small student went from 36.2\u00a0% to 51.3\u00a0% mAP on average over 2 targets." in text
    assert "mAP in % at each target: plaza 31.2\u00a0→\u00a046.3, station 41.2\u00a0→\u00a056.3." in text
    assert "Re-ID on the plaza" in text
    assert "Re-ID on the station" in text
    assert "mAP on average over 2 targets" in text


def test_terms_of_several_targets_are_grouped_by_player_and_target():
    keys = (
        "plaza.student.source.kd",
        "plaza.student.target.kd",
        "plaza.teacher.across.mmd",
        "station.student.source.kd",
    )
    groups = group_terms([{"terms": dict.fromkeys(keys, 1.0)}])
    assert groups == {
        "student at plaza": {"source kd": keys[0], "target kd": keys[1]},
        "teacher at plaza": {"across mmd": keys[2]},
        "student at station": {"source kd": keys[3]},
    }
