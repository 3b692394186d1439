"""Where a stage's time went is the sum of its log's rows; what lies between the sections is told too."""

import pytest

from pipeline.report.stage_files import StageFiles
from pipeline.report.time_shares import time_shares, time_table

ROWS = [
    {"event": "preparation", "round": 0, "seconds": {"forward": 1.0, "cluster": 2.0, "total": 4.0}},
    {"event": "step", "step": 10, "peak_megabytes": {"process": 700.0},
     "seconds": {"data": 0.5, "forward": 2.0, "backward": 3.0, "update": 0.5, "total": 6.5}},
    {"event": "round", "round": 1, "selection": 0.3},
    {"event": "step", "step": 20, "seconds": {"forward": 2.0, "backward": 3.0, "update": 0.5, "total": 5.5},
     "peak_megabytes": {"process": 800.0}},
]  # fmt: skip


def make_stage(rows):
    return StageFiles("adapt", manifest={"kind": "progressive_kd", "run": {"seconds": 20.0}}, events=rows)


def test_rows_add_up():
    shares = time_shares(make_stage(ROWS))
    assert shares.seconds == pytest.approx(
        {"forward": 5.0, "cluster": 2.0, "data": 0.5, "backward": 6.0, "update": 1.0, "other": 1.5}
    )
    assert shares.total == pytest.approx(16.0)
    assert shares.networks == pytest.approx(11 / 16)
    assert (shares.stage, shares.peak_megabytes) == (20.0, {"process": 800.0})


def test_a_log_without_seconds_says_nothing():
    assert time_shares(make_stage([])) is None
    assert time_shares(make_stage([{"event": "step", "loss": 1.0}])) is None


def test_the_table_has_a_row_a_stage():
    shares = time_shares(make_stage(ROWS))
    (row,) = time_table({"adapt": shares})
    assert row["forward + backward %"] == "68.8"
    assert row["peak process MB"] == "800"
    assert {"data %", "cluster %", "other %"} < row.keys()
