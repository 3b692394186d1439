"""The table of cameras: who gained, who lost, and what stands there when little is known."""

import pytest

from pipeline.report.collect import collect
from pipeline.report.html import write_report
from pipeline.report.page_cameras import MOST, cameras_block
from tests.unit.report.make_run import edit_json, make_row, make_run
from tests.unit.report.test_html import read

GOLDEN = {
    "student_direct": {"1": 0.30, "2": 0.40, "hall": 0.35},
    "student_adapted": {"1": 0.50, "2": 0.38, "hall": 0.45},
}


def make_rows(scores=None):
    return [
        {
            **make_row(role),
            "cameras": {name: {"mAP": value, "rank1": value, "queries": 9} for name, value in own.items()},
        }
        for role, own in (GOLDEN if scores is None else scores).items()
    ]


def test_gains_and_the_camera_that_lost():
    block = cameras_block(make_rows())
    for text in ("+20.0", "−2.0", "+10.0", "Each of 3 cameras", "1 of 3 cameras lost by adaptation; camera 2 gained"):
        assert text in block
    assert block.count('class="up"') == 2
    assert 'class="down" style="width:6px"' in block
    assert 'class="up" style="width:60px"' in block


def test_nobody_lost():
    gained = {"student_direct": {"1": 0.3, "2": 0.4}, "student_adapted": {"1": 0.5, "2": 0.4}}
    assert "No camera lost by adaptation; camera 2 gained least, +0.0 points." in cameras_block(make_rows(gained))


@pytest.mark.parametrize("rows", [[], make_rows({"student_direct": {"1": 0.3}}), [make_row("student_direct")]])
def test_fewer_than_two_cameras_have_no_table(rows):
    assert cameras_block(rows) is None


def test_one_model_has_no_gain():
    block = cameras_block(make_rows({"teacher_direct": {"1": 0.3, "2": 0.4}}))
    assert "gain" not in block
    assert "lost" not in block


def test_a_camera_that_one_model_did_not_see_and_a_file_that_lies():
    scores = {"student_direct": {"1": 0.3, "2": 0.4}, "student_adapted": {"1": 0.5, "3": float("nan")}}
    block = cameras_block(make_rows(scores))
    assert block.count("–") >= 4
    rows = make_rows()
    rows[0]["cameras"]["1"] = "<b>"
    rows[1]["cameras"]["<i>"] = {"mAP": 0.2}
    assert "<b>" not in (block := cameras_block(rows))
    assert "&lt;i&gt;" in block


def test_many_cameras_are_folded_and_cut():
    names = [f"gate {i}" for i in range(MOST + 5)]
    block = cameras_block(make_rows({"student_direct": dict.fromkeys(names, 0.3)}))
    assert "5 more cameras stand in results.json." in block
    assert "open" not in block.split("<summary>")[0]


def test_many_models_stand_below_one_another():
    row = make_rows({"student_direct": {"1": 0.3, "hall": 0.4}})[0]
    block = cameras_block([{**row, "role": f"model_{i}"} for i in range(12)])
    head = block[: block.index("<tbody")]
    assert ">hall<" in head
    assert "model 7" not in head
    assert "model 7" in block


def test_results_and_page_have_them(tmp_path):
    run = make_run(tmp_path, roles=tuple(GOLDEN), pictures=False, logs=False)
    edit_json(run / "score" / "a0001" / "summary.json", {"rows": make_rows()})
    rows = {row["role"]: row for row in collect(run)["reid"] if row["domain"] == "target"}
    assert rows["student_adapted"]["cameras"]["1"] == {"mAP": 0.5, "rank1": 0.5, "queries": 9}
    _, text = read(write_report(run))
    assert "Each of 3 cameras" in text
