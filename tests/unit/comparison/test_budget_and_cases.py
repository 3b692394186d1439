"""A budget is the same for all methods, and cases are pairs with seeds."""

import argparse
import threading

import pytest

from pipeline.comparison.budget import Budget, parse_budget, steps_within, with_steps
from pipeline.comparison.cases import Case, cases_of, run_cases
from pipeline.errors import ConfigError, PipelineError


def make_options(cases=(), pairs=(), seeds="", **more):
    return argparse.Namespace(case=list(cases), pairs=list(pairs), seeds=seeds, **more)


def test_a_budget_is_read():
    assert parse_budget(None) == Budget("as_written")
    assert parse_budget("steps:40") == Budget("steps", 40)
    assert parse_budget("seconds:9") == Budget("seconds", 9)


@pytest.mark.parametrize("text", ["", "40", "steps", "steps:0", "steps:-4", "hours:2", "seconds:1.5"])
def test_what_is_no_budget_is_told(text):
    with pytest.raises(ConfigError, match="expected steps:N or seconds:N"):
        parse_budget(text)


def test_steps_are_shared_by_rounds():
    assert with_steps("a", {"steps": 3, "rounds": 4}, 20) == {"steps": 5, "rounds": 4}
    assert with_steps("a", {"steps": 3}, 20) == {"steps": 20}
    with pytest.raises(ConfigError, match="stage a has no `steps`"):
        with_steps("a", {"epochs": 3}, 20)


def test_seconds_buy_fewer_steps_of_what_costs_more():
    assert steps_within("a", 10, step=0.1, needs=0.0, rounds=1) == 100
    assert steps_within("a", 10, step=0.1, needs=4.0, rounds=8) == 56
    with pytest.raises(ConfigError, match=r"a can't be compared within 10 s: what it needs takes 10.5 s.*seconds:11"):
        steps_within("a", 10, step=0.1, needs=10.5, rounds=2)


def test_pairs_meet_all_seeds_in_order():
    found = cases_of(make_options(pairs=["a:b", "c:d"], seeds="0,2"))
    assert found == [Case("a", "b", 0), Case("a", "b", 2), Case("c", "d", 0), Case("c", "d", 2)]
    assert [case.name for case in found[:1]] == ["a-b-0"]
    assert cases_of(make_options(cases=["a:b:7"])) == [Case("a", "b", 7)]
    assert [case.name for case in cases_of(make_options(seeds="3,4"), as_written=True)] == ["seed-3", "seed-4"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "no case was given"),
        ({"cases": ["a:b:1", "a:b:1"]}, "case a-b-1 is there twice"),
        ({"cases": ["a:b:1"], "seeds": "1"}, "--case stands beside"),
        ({"cases": ["a:b"]}, "--case a:b; expected SOURCE:TARGET:SEED"),
        ({"pairs": ["a:b"]}, "--pair without --seeds"),
        ({"pairs": ["a"], "seeds": "1"}, "--pair a"),
        ({"pairs": ["a:b"], "seeds": "1,x"}, "--seeds 1,x"),
        ({"seeds": "1"}, "--seeds without --pair"),
    ],
)
def test_what_is_no_case_is_told(options, sentence):
    with pytest.raises(ConfigError, match=sentence):
        cases_of(make_options(**options))


def test_a_case_that_fails_is_told_and_those_that_ended_are_counted(monkeypatch, tmp_path):
    first = threading.Event()

    def run_tree(tree, folder, **_):
        if tree["seed"] == 2:
            first.wait(30)
            raise PipelineError("the power went")
        (folder / "run").mkdir(parents=True)
        (folder / "run" / "results.json").write_text('{"schema": 1}')

    monkeypatch.setattr("pipeline.comparison.cases.run_tree", run_tree)
    options = make_options(cases=["a:b:1", "a:b:2"], out=tmp_path, jobs=1)
    with pytest.raises(PipelineError, match="the power went"):
        run_cases(options, lambda _, source, target, seed: {"seed": seed}, after=first.set)
    assert first.is_set()
