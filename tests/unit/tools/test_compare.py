"""Methods are compared on one task, and every listed method is a valid configuration."""

import argparse
from pathlib import Path

import pytest
import yaml

from pipeline.build.tables import COMPONENTS
from pipeline.config.binding import check
from pipeline.config.load import load_config
from pipeline.errors import ConfigError
from stages import STAGES
from tools import compare

CONFIGS = Path(__file__).resolve().parents[3] / "configs"
OPTIONS = argparse.Namespace(config=CONFIGS / "compare_reid.yaml", stage="learn", score="score", overrides=[])


def methods(only="", baseline=None):
    return compare.read_methods(CONFIGS / "methods" / "reid_objectives.yaml", only, baseline=baseline)


def test_every_listed_method_is_a_valid_configuration_on_the_same_data_and_steps(tmp_path):
    tree = compare.configure(OPTIONS, methods(), "sunny_plaza", "winter_station", 3)
    path = tmp_path / "all.yaml"
    path.write_text(yaml.safe_dump(tree, sort_keys=False))
    check(load_config(path, [], STAGES), COMPONENTS)
    assert (tree["data"]["source"]["domain"], tree["data"]["source"]["seed"]) == ("sunny_plaza", 3)
    assert {tree["data"][name]["domain"] for name in ("target", "probe")} == {"winter_station"}
    rows = [tree["stages"][name] for name in methods()]
    same = ("train", "source", "target", "rounds", "steps", "source_batch", "target_batch", "augment", "optimizer")
    assert all(row[key] == rows[0][key] for row in rows for key in same)
    assert list(tree["stages"])[-1] == "score"
    assert set(tree["stages"]["score"]["models"]) == {"teacher_direct", *methods()}


def test_a_method_adds_to_the_terms_and_replaces_the_rest():
    stage = {"mode": "kd_only", "objectives": {"cross_entropy": {}}}
    assert compare.changed(stage, {"objectives": {"kd": {}}})["objectives"] == {"cross_entropy": {}, "kd": {}}
    assert compare.changed(stage, {"mode": "prokt", "objectives": None}) == {"mode": "prokt", "objectives": None}
    assert compare.changed(stage, {}) == stage


def test_the_table_is_sorted_and_shows_each_case():
    cases = [{"a": make_row(0.2 + x), "b": make_row(0.5 + 2 * x), "kd": make_row(0.4)} for x in (0.0, 0.1)]
    lines = compare.table(cases, baseline="kd").splitlines()
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| b", "| kd", "| a"]
    assert lines[2] == "| b | 60.0 ± 14.1 | 60.0 ± 14.1 | +10.0, +30.0 |"


def make_row(value):
    return {"mAP": value, "cmc": {"1": value}}


@pytest.mark.parametrize(
    ("only", "baseline", "sentence"),
    [
        ("kd,nothing", None, "there is no method 'nothing'"),
        ("kd", "none", "there is no method 'none'; expected one of kd"),
    ],
)
def test_unknown_methods_are_told(only, baseline, sentence):
    with pytest.raises(ConfigError, match=sentence):
        methods(only, baseline)


def test_a_stage_that_is_not_there_is_told():
    options = argparse.Namespace(**{**vars(OPTIONS), "stage": "teach"})
    with pytest.raises(ConfigError, match="has no stage 'teach'; expected one of pretrain, learn, score"):
        compare.configure(options, methods(), "random-1", "random-2", 3)


def test_a_file_that_is_no_list_of_methods_is_told(tmp_path):
    path = tmp_path / "methods.yaml"
    path.write_text("- kd\n")
    with pytest.raises(ConfigError, match="is not a mapping of methods"):
        compare.read_methods(path, "", baseline=None)
    with pytest.raises(ConfigError, match="can't be read"):
        compare.read_methods(tmp_path / "none.yaml", "", baseline=None)
