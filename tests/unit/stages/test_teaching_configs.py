"""Which teachers and settings of teaching a configuration accepts, and the sentence for what it does not."""

import pytest

from pipeline.errors import ConfigError
from pipeline.training.teacher_settings import RouteSettings
from tests.smoke.tiny import make_config, make_tree


def sentence_of(**adapt):
    with pytest.raises(ConfigError) as caught:
        make_config(make_tree(**adapt))
    return str(caught.value)


def adapt_of(**adapt):
    return make_config(make_tree(**adapt)).stages["adapt"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"teacher": "pretrain.route"}, "pretrain.route is a route, and mode joint needs one network"),
        ({"teacher": "pretrain.route", "mode": "prokt"}, "modes distil_then_adapt and kd_only take it"),
        ({"teacher": "pretrain.route", "mode": "uda_only"}, "mode uda_only needs one network"),
        ({"route": {}, "mode": "kd_only"}, "route is given, but teacher is pretrain.best"),
        ({"teacher": ["pretrain.best", "direct.best"]}, "teacher names 2 networks, and mode joint"),
        ({"teacher": ["pretrain.best", "pretrain.route"], "mode": "kd_only"}, "a route teaches alone"),
        ({"teacher": ["pretrain.best"], "mode": "kd_only"}, "stages.adapt.teacher"),
        ({"ensemble": {}, "mode": "kd_only"}, "ensemble is given, but there is one teacher"),
        ({"prokt": {}}, "it has an effect in mode prokt alone"),
        ({"mode": "kd_only", "anchors": 2}, "the teacher of mode kd_only does not learn"),
        ({"anchors": 4}, "anchors is 4, but 2 rounds leave 3 states of the teacher"),
        ({"mode": "kd_only", "teacher": "pretrain.route", "route": {"anchors": 7}}, "route.anchors is 7"),
        ({"mode": "kd_only", "teacher": "pretrain.route", "route": {"rule": "gready"}}, "greedy"),
        (
            {"mode": "kd_only", "teacher": "pretrain.route", "route": {"delta": 3.0}},
            "delta has an effect under rule greedy alone, and the rule is one_stage",
        ),
        (
            {"mode": "kd_only", "teacher": "pretrain.route", "route": {"rule": "eei", "last_share": 0.5}},
            "last_share has an effect under rule one_stage alone",
        ),
        (
            {"mode": "prokt", "teacher_optimizer": {"lr": 1e-3}},
            "teacher_optimizer.lr is 0.001, and prokt.teacher_lr_ratio takes its place",
        ),
        ({"teacher_objectives": {"cross_entropy": {}, "kd": {}}}, "the teacher's kd would hear the student"),
        ({"mode": "prokt", "teacher_objectives": {"cross_entropy": {}}}, "put proximal into teacher_objectives"),
        (
            {"mode": "prokt", "teacher_objectives": {"proximal": {}, "pull": {"use": "kd", "on": ["target"]}}},
            "the teacher's pull hears the student on the source alone",
        ),
        ({"mode": "prokt", "teacher_objectives": {"proximal": {"on": ["source", "target"]}}}, "source alone"),
    ],
)
def test_a_mistake_is_told(settings, words):
    assert words in sentence_of(**settings)


def test_too_many_states_of_a_pretraining_are_told():
    tree = make_tree()
    tree["stages"]["pretrain"]["anchors"] = 5
    with pytest.raises(ConfigError, match="anchors is 5 and steps 4"):
        make_config(tree)


def test_several_teachers_leave_no_teacher():
    tree = make_tree(mode="kd_only", teacher=["pretrain.best", "direct.best"])
    with pytest.raises(ConfigError, match=r"stage 'adapt' \(progressive_kd\) leaves no 'teacher' with its settings"):
        make_config(tree)
    del tree["stages"]["score"]["models"]["teacher_adapted"]
    config = make_config(tree).stages["adapt"]
    assert "embedding" not in config.student_terms
    assert "embedding" in adapt_of(mode="kd_only").student_terms


def test_the_teachers_rate_follows_the_students_in_mode_prokt():
    assert adapt_of(mode="prokt", optimizer={"lr": 1e-2}).teacher_settings.lr == pytest.approx(3e-3)
    own = adapt_of(mode="prokt", prokt={"teacher_lr_ratio": None}, teacher_optimizer={"lr": 5e-4})
    assert own.teacher_settings.lr == 5e-4
    assert adapt_of(teacher_optimizer={"lr": 5e-4}).teacher_settings.lr == 5e-4


@pytest.mark.parametrize(
    ("settings", "rounds"),
    [
        ({}, 0), ({"init": None}, 2), ({"init": None, "prokt": {"zero_init_head": True}}, 0),
        ({"prokt": {"warmup": 0.5}}, 4), ({"init": None, "rounds": 1}, 0), ({"prokt": {"warmup": 0.9}, "rounds": 2}, 1),
    ],
)  # fmt: skip
def test_a_student_that_starts_far_away_is_warmed_up(settings, rounds):
    assert adapt_of(mode="prokt", **{"rounds": 8, **settings}).warmup_rounds == rounds


def test_what_a_route_asks_for():
    assert RouteSettings().chosen(4) == [1, 2, 3, 4]
    assert RouteSettings(anchors=2).chosen(4) == [2, 4]
    assert RouteSettings(rule="greedy").chosen(4) == [1]
    assert RouteSettings(rule="greedy", anchors=1).chosen(4) == [4]
    assert RouteSettings().starts(4, 100) == [0, 20, 40, 60]
    assert RouteSettings(rule="eei").starts(3, 30) == [0, 10, 20]
    assert [RouteSettings(rule=rule).repeats(3) for rule in ("one_stage", "eei", "greedy")] == [1, 3, 3]
    with pytest.raises(ConfigError, match="anchors is 5 and the route has 3 states"):
        RouteSettings(anchors=5).chosen(3)


def test_weights_of_a_search_are_asked_for_where_none_can_be_given():
    tree = make_tree()
    settings = {"kind": "multi_target_kd", "train": "small", "source": "source", "targets": ["target", "probe"],
                "teachers": {"target": "pretrain.best", "probe": "pretrain.best"},
                "objectives": {"follow": {"use": "dfa", "aggregation": "searched"}}}  # fmt: skip
    tree["stages"]["several"] = settings
    with pytest.raises(ConfigError, match="follow takes aggregation: searched, and no weights are given"):
        make_config(tree)
