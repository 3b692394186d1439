"""The rows of the detector's ablation are what their names say."""

import pytest

from pipeline.errors import ConfigError
from pipeline.training.detection.defaults import LEVELS
from tests.smoke.tiny import make_config
from tests.smoke.tiny_streets import make_street_tree
from tools import run_detector_ablation as tool


def plain_tree():
    return make_config(make_street_tree()).to_tree()


def test_every_row_is_a_valid_stage_and_is_evaluated():
    tree = tool.with_rows(tool.detector_half(plain_tree()), ())
    make_config(tree)
    names = tool.variants(tool.stage_of(plain_tree(), "detector_kd"), "fcos")
    assert list(tree["stages"])[-1] == "look"
    assert set(names) < set(tree["stages"]["look"]["models"])
    assert names["labels of the source alone"]["objectives"] == {}
    assert names["labels of the source alone"]["target"] is None
    assert names["pseudo-boxes alone"]["target"] == "new_streets"
    for level in LEVELS["fcos"]:
        assert list(names[f"pseudo-boxes + {level}"]["objectives"]) == [level]
    assert names["teacher learns"]["teacher_learns"] is True


def test_only_the_wanted_rows():
    tree = tool.with_rows(tool.detector_half(plain_tree()), ("pseudo-boxes alone",))
    assert [name for name in tree["stages"] if name.startswith("row")] == ["row2"]


def test_re_id_stages_are_left_out_and_a_run_without_detectors_is_refused():
    tree = plain_tree()
    tree["data"]["crops"] = {"kind": "world", "domain": "sunny_plaza"}
    assert "crops" not in tool.detector_half(tree)["data"]
    with pytest.raises(ConfigError, match="0 stages of kind detector_kd"):
        tool.detector_half({**tree, "stages": {}})


def test_the_table_shows_spread_and_gap():
    row = {"ap50": 0.5, "mr2": 0.4}
    roles = {"student_direct": 0.2, "student_adapted": 0.5, "student_supervised": 0.6, "pseudo-boxes alone": 0.4}
    results = [
        {(role, d): {**row, "ap50": value + shift} for role, value in roles.items() for d in tool.DOMAINS}
        for shift in (0.0, 0.1)
    ]
    lines = tool.table(results).splitlines()
    assert "| **default** | 55.0 ± 7.1 | 40.0 ± 0.0 | 55.0 ± 7.1 | 40.0 ± 0.0 | 75, 75 |" in lines
    assert lines[2].startswith("| supervised student (ceiling) |")
