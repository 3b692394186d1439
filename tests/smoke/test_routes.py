"""A student along its teacher's route, one of several teachers, and mutual steps: whole runs, killed and resumed."""

import pytest
import torch

from pipeline.checkpoint import load_model
from pipeline.checkpoint_route import load_route
from pipeline.training.progressive import ProgressiveTask
from pipeline.training.supervised import SupervisedTask
from tests.smoke.tiny import (
    attempt_of,
    make_tree,
    manifest_of,
    only,
    rows_of,
    run_command,
    run_killed,
    run_tree,
    weights_of,
)

STAGES = ("pretrain", "adapt")
ALONG = {"mode": "kd_only", "teacher": "pretrain.route", "init": None}


def make_route_tree(anchors=3, **adapt):
    tree = only(make_tree(**adapt), *STAGES)
    tree["stages"]["pretrain"] |= {"anchors": anchors}
    return tree


def are_equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_a_pretraining_leaves_its_way_and_the_last_state_is_the_best(tmp_path):
    run_tree(only(make_route_tree(), "pretrain"), tmp_path / "run")
    attempt = attempt_of(tmp_path / "run", "pretrain")
    route = load_route(attempt / "route.safetensors")
    assert route.at == (1, 3, 4)
    assert are_equal(dict(route.states[-1]), load_model(attempt / "best.safetensors").model.state_dict())
    assert not are_equal(dict(route.states[0]), dict(route.states[1]))
    assert not (attempt / "resume").exists()
    assert manifest_of(tmp_path / "run", "pretrain")["outputs"]["route"]["meta"]["at"] == [1, 3, 4]


def test_a_route_of_the_last_state_is_plain_distillation_bit_for_bit(tmp_path):
    plain = only(make_tree(**{**ALONG, "teacher": "pretrain.best"}), *STAGES)
    run_tree(plain, tmp_path / "plain")
    expected = weights_of(tmp_path / "plain", "adapt")
    for name, tree in {
        "last of three": make_route_tree(**ALONG, route={"anchors": 1}),
        "only one": make_route_tree(1, **ALONG),
        "eei": make_route_tree(**ALONG, route={"rule": "eei", "anchors": 1}),
        "greedy": make_route_tree(**ALONG, route={"rule": "greedy", "anchors": 1}),
    }.items():
        run_tree(tree, tmp_path / name)
        assert weights_of(tmp_path / name, "adapt") == expected, name
    assert not (attempt_of(tmp_path / "only one", "pretrain") / "route.safetensors").exists()


@pytest.mark.parametrize(("rule", "steps"), [("one_stage", 6), ("eei", 18), ("greedy", 18)])
def test_every_rule_runs_and_hands_over_the_last_state(rule, steps, tmp_path):
    run_tree(make_route_tree(**ALONG, route={"rule": rule}), tmp_path / "run")
    assert rows_of(tmp_path / "run", "adapt", "step")[-1]["step"] == steps
    taught = load_model(attempt_of(tmp_path / "run", "adapt") / "teacher.safetensors").model.state_dict()
    before = load_model(attempt_of(tmp_path / "run", "pretrain") / "best.safetensors").model.state_dict()
    assert are_equal(taught, before)
    chosen = rows_of(tmp_path / "run", "adapt", "anchor")
    assert bool(chosen) == (rule == "greedy")
    if chosen:
        assert chosen[-1]["anchor"] == 3
        assert all(len(row["hardness"]) == 3 and min(row["hardness"]) >= 0 for row in chosen)


KILLED = {
    "one_stage": make_route_tree(**ALONG, route={"rule": "one_stage"}),
    "greedy": make_route_tree(**ALONG, route={"rule": "greedy", "anchors": 3}),
    "route of the adaptation": make_route_tree(mode="joint", init=None, anchors=3),
    "prokt": make_route_tree(
        mode="prokt", init=None, rounds=3, anchors=3, teacher_objectives={"proximal": {"rule": "constrained"}}
    ),
}
KILLED["route of the adaptation"]["stages"]["adapt"]["anchors"] = 3
KILLED["prokt"]["stages"]["adapt"]["anchors"] = 3


@pytest.mark.parametrize("name", KILLED)
def test_a_killed_run_goes_on_bit_for_bit(name, tmp_path):
    tree = KILLED[name]
    tree["runtime"] |= {"checkpoint_every_steps": 1}
    run_tree(tree, tmp_path / "whole")
    kills = [(SupervisedTask, 2), *((ProgressiveTask, at) for at in (1, 2, 4, 5))]
    run_killed(tree, tmp_path / "killed", *kills)
    run_tree(tree, tmp_path / "killed")
    assert weights_of(tmp_path / "killed", *STAGES) == weights_of(tmp_path / "whole", *STAGES)


def test_an_adaptation_leaves_the_teachers_way_from_the_source_to_the_chosen_round(tmp_path):
    tree = make_route_tree(1, rounds=4)
    tree["stages"]["adapt"] |= {"anchors": 3, "init": None}
    run_tree(tree, tmp_path / "run")
    adapted = attempt_of(tmp_path / "run", "adapt")
    chosen = manifest_of(tmp_path / "run", "adapt")["metrics"]["chosen_round"]
    meta = manifest_of(tmp_path / "run", "adapt")["outputs"]["route"]["meta"]
    assert meta["at"][-1] == chosen
    if chosen:
        route = load_route(adapted / "route.safetensors")
        source = load_model(attempt_of(tmp_path / "run", "pretrain") / "best.safetensors").model.state_dict()
        assert route.at[0] == 0
        assert are_equal(dict(route.states[0]), source)
        assert are_equal(dict(route.states[-1]), load_model(adapted / "teacher.safetensors").model.state_dict())


def test_states_that_were_taken_back_are_no_part_of_the_way(tmp_path, monkeypatch):
    from pipeline.training.selection import Judgement

    scores = iter([0.5, 0.6, 0.3, 0.2, 0.7, 0.6])
    monkeypatch.setattr("pipeline.training.adaptation.judge", lambda *a, **k: Judgement(next(scores)))
    tree = make_route_tree(1, rounds=5, init=None, selection={"tolerance": 0.05, "patience": 2, "rollbacks": 1})
    tree["stages"]["adapt"]["anchors"] = 6
    run_tree(tree, tmp_path / "run")
    assert manifest_of(tmp_path / "run", "adapt")["outputs"]["route"]["meta"]["at"] == [0, 1, 4]


def test_several_teachers_teach_one_student(tmp_path):
    tree = only(make_tree(mode="kd_only", teacher=["pretrain.best", "direct.best"], init=None), "pretrain", "direct")
    tree["stages"]["adapt"] = make_tree(mode="kd_only", teacher=["pretrain.best", "direct.best"], init=None)["stages"][
        "adapt"
    ]
    run_tree(tree, tmp_path / "run")
    assert set(manifest_of(tmp_path / "run", "adapt")["outputs"]) == {"best", "last"}
    assert manifest_of(tmp_path / "run", "adapt")["inputs"].keys() == {"pretrain.best", "direct.best"}
    terms = rows_of(tmp_path / "run", "adapt", "step")[-1]["terms"]
    assert {"student.source.kd", "student.target.relation"} <= set(terms)


def test_a_route_is_not_evaluated_and_more_anchors_than_states_are_told(tmp_path, capsys):
    tree = make_route_tree(**ALONG, route={"anchors": 4})
    assert run_command(tree, tmp_path / "run") == 2
    assert "route.anchors is 4 and the route has 3 states" in capsys.readouterr().err
    tree = only(make_tree(), "pretrain", "score")
    tree["stages"]["pretrain"] |= {"anchors": 2}
    tree["stages"]["score"]["models"] = {"teacher_direct": "pretrain.route"}
    assert run_command(tree, tmp_path / "scored") == 2
    assert "is a route of 2 states" in capsys.readouterr().err
