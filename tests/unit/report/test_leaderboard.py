"""The leaderboard is sorted, pairs cases, counts what a method alone needs, and says what to beware of."""

from html.parser import HTMLParser

import pytest

from pipeline.report.case_files import CaseResult, Training, read_case, read_training
from pipeline.report.dot_plot import draw_dots
from pipeline.report.leaderboard import make_leaderboard
from pipeline.report.leaderboard_text import leaderboard_markdown
from pipeline.report.page_leaderboard import render_leaderboard
from pipeline.report.stage_files import StageFiles

PLAIN = {"changes": (), "exceptions": {}, "needs": ()}
METHODS = {"kd": PLAIN, "best": {**PLAIN, "changes": ("mode",), "exceptions": {"optimizer": "as | published"}},
           "searched": {**PLAIN, "needs": ("search",)}}  # fmt: skip
TOLD = {"config": "task", "stage": "learn", "count": 3, "command": ["python", "tools/compare.py", "a b"],
        "budget": {"kind": "steps", "amount": 20, "steps": {}}}  # fmt: skip


def make_row(value, params=10):
    return {"mAP": value, "cmc": {"1": value}, "mINP": value / 2, "params": params, "macs": 7}


def make_training(seconds, *, steps=20, code="x"):
    return Training(steps, seconds / steps, seconds, 100.0, code)


def make_case(number, **more):
    scores = {"kd": make_row(0.4), "best": make_row(0.5 + 0.1 * number), "searched": make_row(0.3),
              "teacher_direct": make_row(0.6)}  # fmt: skip
    training = {"kd": make_training(2.0), "best": make_training(3.0), "searched": make_training(2.0),
                "search": make_training(4.0, steps=5)}  # fmt: skip
    return CaseResult(f"case-{number}", scores, {**training, **more})


def make_board(cases, **more):
    board = make_leaderboard(cases, METHODS, references=("teacher_direct",), baseline="kd",
                             interval=lambda values: (min(values), max(values)))  # fmt: skip
    return {**board, **TOLD, **more}


BOARD = make_board([make_case(0), make_case(1), CaseResult("case-2", {}, {"kd": make_training(2.0)})])


def test_numbers_are_those_of_the_cases_that_are_scored():
    assert [row["method"] for row in BOARD["methods"]] == ["best", "kd", "searched"]
    best, kd, searched = BOARD["methods"]
    assert best["mAP"]["mean"] == pytest.approx(0.55)
    assert best["mAP"]["sd"] == pytest.approx(0.0707107, abs=1e-6)
    assert best["against_baseline"]["each"] == pytest.approx([0.1, 0.2])
    assert best["against_baseline"]["interval"] == pytest.approx([0.1, 0.2])
    assert (kd["cost"], best["cost"], searched["cost"]) == pytest.approx((1.0, 1.5, 3.0))
    assert best["seconds_per_step"] == pytest.approx(0.15)
    assert searched["needs"] == [{"stage": "search", "steps": 5, "seconds": 4.0}]
    assert BOARD["cases"][2] == {"case": "case-2", "done": False, "trained": 1}
    assert [row["model"] for row in BOARD["references"]] == ["teacher_direct"]
    assert BOARD["notes"] == []


def test_what_to_beware_of_is_told():
    notes = make_board([make_case(0), make_case(1, kd=make_training(2.0, steps=30, code="y"))])["notes"]
    assert notes == ["methods were trained by 2 states of the code", "steps differ between methods: 20, 30"]
    case = make_case(0)
    odd = CaseResult("odd", {**case.scores, "kd": make_row(0.4, params=99)}, case.training)
    assert make_board([odd])["notes"] == ["students differ in size"]
    unknown = make_board([make_case(0, kd=Training(20, None, 5.0, None, "x"))])
    assert unknown["notes"] == ["some logs hold no seconds, so cost counts whole stages there"]


def test_the_table_says_it_in_markdown():
    lines = leaderboard_markdown(BOARD).splitlines()
    assert lines[0] == "Case case-2: 1 of 3 methods trained, not scored yet."
    assert lines[3] == (
        "| best | 55.0 ± 7.1 | 55.0 ± 7.1 | +15.0 | +10.0 to +20.0 | +10.0, +20.0 | 1.50 | 0.150 | 20 | 100 | 10 | 7 | "
        "mode; exception optimizer: as / published |"
    )
    assert lines[4].startswith("| kd | 40.0 ± 0.0 | 40.0 ± 0.0 | – | – | – | 1.00 |")
    assert "needs search (5 steps, 4 s)" in lines[5]
    assert lines[6].startswith("| teacher direct | 60.0 ± 0.0 |")
    assert len({line.count("|") for line in lines[1:7]}) == 1
    assert "Budget: 20 steps." in lines[8]
    assert "No case was begun" in leaderboard_markdown(make_board([], count=3))


def test_one_case_has_no_deviation_and_no_interval():
    row = make_board([make_case(0)])["methods"][0]
    assert (row["mAP"]["sd"], row["against_baseline"]["interval"]) == (None, None)
    assert "| best | 50.0 | 50.0 | +10.0 | – | +10.0 |" in leaderboard_markdown(make_board([make_case(0)]))


def test_the_page_stands_alone_and_is_well_formed():
    page = render_leaderboard(BOARD)
    assert "http" not in page.replace("http-equiv", "")
    assert (
        "best is first of 3 methods with 55.0 ± 7.1 % mAP, +15.0 points from kd, which chance alone could make" in page
    )
    assert "python tools/compare.py &#x27;a b&#x27;" in page
    depth = []

    class Reader(HTMLParser):
        def handle_starttag(self, name, attributes):
            if name not in ("img", "meta"):
                depth.append(name)

        def handle_endtag(self, name):
            assert depth.pop() == name

    Reader().feed(page)
    assert depth == []
    assert "No case is scored yet" in render_leaderboard(make_board([CaseResult("case-0")]))


def test_six_cases_that_agree_are_no_chance():
    assert "chance" not in render_leaderboard(make_board([make_case(number) for number in range(6)]))


def test_the_picture_has_every_case_and_is_the_same_each_time():
    values = {"a": [1.0, 2.0], "b$": [0.5, 0.5]}
    pictures = [draw_dots(values, cases=["x", "y"], x_label="mAP", marked="a", zero=True) for _ in range(2)]
    assert pictures[0] == pictures[1]
    for text in ("mAP", ">x<", ">y<", "mean"):
        assert text in pictures[0]


def make_stage(started, rows, pid=7):
    run = {"pid": pid, "started": started, "seconds": 30.0}
    return StageFiles("kd", manifest={"run": run, "code": {"sources": "abc"}}, events=rows)


def test_the_pace_is_a_median_and_the_peak_is_known_of_the_first_stage_of_a_process():
    rows = [{"event": "step", "step": step, "seconds": {"total": seconds}, "peak_megabytes": {"process": 50.0 + step}}
            for step, seconds in ((10, 5.0), (20, 1.0), (25, 0.5))]  # fmt: skip
    first, second, apart = make_stage("1", rows), make_stage("2", rows), make_stage("3", rows, pid=8)
    found = read_training(first, [first, second, apart])
    assert found == Training(25, pytest.approx(0.1), pytest.approx(2.5), 75.0, "abc")
    assert read_training(second, [first, second, apart]).peak_megabytes is None
    assert read_training(apart, [first, second, apart]).peak_megabytes == 75.0
    old = make_stage("1", [{"event": "step", "step": 10}])
    assert read_training(old, [old]) == Training(10, None, 30.0, None, "abc")


def test_a_folder_without_a_run_is_a_case_that_has_not_begun(tmp_path):
    assert read_case(tmp_path / "run", "x") == CaseResult("x")
