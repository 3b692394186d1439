"""Methods are compared on one task, and every listed method is a valid and fair configuration."""

import argparse
from pathlib import Path

import pytest

from pipeline.build.tables import COMPONENTS
from pipeline.comparison.cases import Case
from pipeline.comparison.methods import Method, changed, read_methods
from pipeline.comparison.task import Task, other_settings
from pipeline.config.binding import check
from pipeline.errors import ConfigError
from stages import STAGES
from tools import compare

CONFIGS = Path(__file__).resolve().parents[3] / "configs"
LISTED = CONFIGS / "methods" / "reid.yaml"
CASE = Case("sunny_plaza", "winter_station", 3)


def methods(only="", baseline=None):
    return read_methods(LISTED, only, baseline=baseline)


def make_task(chosen=None, *, stage="learn", config="compare_reid.yaml"):
    return Task(CONFIGS / config, stage, "score", methods() if chosen is None else chosen, STAGES)


def test_every_listed_method_is_a_valid_configuration_on_the_same_data_and_steps():
    task = make_task()
    plan = task.plan(CASE, steps={})
    tree = plan.tree
    check(task.resolve(tree), COMPONENTS)
    assert (tree["data"]["source"]["domain"], tree["data"]["source"]["seed"]) == ("sunny_plaza", 3)
    assert {tree["data"][name]["domain"] for name in ("target", "probe")} == {"winter_station"}
    rows = [tree["stages"][name] for name in methods()]
    same = ("source", "target", "source_batch", "target_batch", "augment", "optimizer")
    assert all(row[key] == rows[0][key] for row in rows for key in same)
    assert {row.get("rounds", 1) * row["steps"] for row in rows} == {200}
    several = {name: stage["train"] for name, stage in tree["stages"].items() if isinstance(stage.get("train"), list)}
    assert several == {"mutual": ["small", "small"]}
    assert {row["train"] for row in rows if not isinstance(row["train"], list)} == {"small"}
    assert list(tree["stages"])[-1] == "score"
    assert set(tree["stages"]["score"]["models"]) == {"teacher_direct", *methods()}
    assert plan.references == ("teacher_direct",)
    assert plan.fair["prokt"].changes == ("mode", "all objectives")
    assert {name: told.needs for name, told in plan.fair.items() if told.needs} == {
        "dfa_searched": ("search",), "born_again": ("first_generation",),
        "born_again_third": ("first_generation", "second_generation"),
        "teacher_assistant": ("first_generation", "assistant_upper", "assistant_lower", "assistant"),
        **dict.fromkeys(("ensemble_average", "ensemble_random", "ensemble_agreement"), ("second",)),
    }  # fmt: skip


def test_what_no_chosen_method_needs_is_not_run():
    assert "search" not in make_task(methods("kd,route")).plan(CASE, steps={}).tree["stages"]
    assert "search" in make_task(methods("kd,dfa_searched")).plan(CASE, steps={}).tree["stages"]


def test_a_method_adds_to_the_terms_and_replaces_the_rest():
    stage = {"mode": "kd_only", "objectives": {"cross_entropy": {}}}
    assert changed(stage, {"objectives": {"kd": {}}})["objectives"] == {"cross_entropy": {}, "kd": {}}
    assert changed(stage, {"mode": "prokt", "objectives": None}) == {"mode": "prokt", "objectives": None}
    assert changed(stage, {}) == stage


def test_all_data_stay_as_they_are_without_a_pair():
    tree = make_task(methods("kd")).plan(Case("", "", 9), steps={}).tree
    assert [(entry["domain"], entry["seed"]) for entry in tree["data"].values()] == [
        ("random-51", 9), ("random-52", 9), ("random-52", 9),
    ]  # fmt: skip
    assert tree["seed"] == 9


def test_a_budget_of_steps_is_shared_by_the_rounds():
    tree = make_task(methods("kd,sp")).plan(CASE, steps={"kd": 50, "sp": 60}).tree
    assert [(tree["stages"][name]["steps"], tree["stages"][name]["rounds"]) for name in ("kd", "sp")] == [
        (25, 2), (30, 2),
    ]  # fmt: skip
    with pytest.raises(ConfigError, match=r"51 steps in 2 rounds; expected a multiple of the rounds.*steps:52"):
        make_task(methods("kd")).plan(CASE, steps={"kd": 51})


def test_another_kind_of_stage_takes_what_it_knows_and_is_measured_by_all_of_its_steps():
    exceptions = dict.fromkeys(("kind",), "it adapts nobody")
    for steps, has_another_budget in ((200, False), (100, True)):
        change = {"kind": "source_pretrain", "data": "source", "steps": steps}
        with pytest.raises(ConfigError, match=r"mine has other data \(target\)") as error:
            make_task({"mine": Method(change, exceptions)}).plan(CASE, steps={})
        assert ("another budget" in str(error.value)) == has_another_budget


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


def test_methods_are_a_file_or_names():
    def chosen(text, only=""):
        return list(compare.chosen_methods(argparse.Namespace(methods=text, only=only, baseline=None)))

    assert chosen("kd,none") == chosen(str(LISTED), "kd,none") == ["kd", "none"]
    assert chosen(str(LISTED)) == list(methods())
    with pytest.raises(ConfigError, match="names in one of the two"):
        chosen("kd,none", "kd")


def test_a_stage_or_name_that_does_not_fit_is_told():
    with pytest.raises(ConfigError, match="has no stage 'teach'; expected one of pretrain, "):
        make_task(stage="teach").plan(CASE, steps={})
    with pytest.raises(ConfigError, match="a method is called 'pretrain'"):
        make_task({"pretrain": Method({})}).plan(CASE, steps={})
    with pytest.raises(ConfigError, match=r"data\.source is of kind market1501; expected drawn worlds"):
        make_task({}, stage="adapt", config="market1501_to_msmt17.yaml").plan(CASE, steps={})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("- kd\n", "is not a mapping of methods"),
        ("kd: {exceptions: [optimizer]}\n", "kd has exceptions that are no reasons"),
        ("kd: {exceptions: {optimizer: ''}}\n", "kd has exceptions that are no reasons"),
    ],
)
def test_a_file_that_is_no_list_of_methods_is_told(text, sentence, tmp_path):
    path = tmp_path / "methods.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=sentence):
        read_methods(path, "", baseline=None)
    with pytest.raises(ConfigError, match="can't be read"):
        read_methods(tmp_path / "none.yaml", "", baseline=None)


def test_a_stored_case_with_more_methods_or_another_runtime_answers_the_same_question():
    def resolved(only, *, case=CASE, steps=None):
        task = make_task(methods(only))
        return task.resolve(task.plan(case, steps=steps or {}).tree).to_tree()

    asked = resolved("kd,sp")
    more = resolved("sp,none,kd")
    more["runtime"]["threads"] = 1
    assert other_settings(asked, more, score="score") == ""
    assert other_settings(more, asked, score="score") == "stages.none"
    # A model that was put into the file later is no model of a stored case.
    older = {**asked, "models": {name: model for name, model in asked["models"].items() if name != "lower"}}
    assert older["models"].keys() < asked["models"].keys()
    assert other_settings(asked, older, score="score") == ""
    wider = {**asked["models"]["small"], "embedding": 512}
    changed = {**asked, "models": {**asked["models"], "small": wider}}
    assert other_settings(asked, changed, score="score") == "models"
    other_case = resolved("kd,sp", case=Case("sunny_plaza", "winter_station", 4))
    assert other_settings(asked, other_case, score="score") == "seed"
    assert other_settings(asked, resolved("kd,sp", steps={"sp": 20}), score="score") == "stages.sp.steps"
