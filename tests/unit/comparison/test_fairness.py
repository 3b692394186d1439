"""What makes two methods incomparable is refused with its reason; what is declared is shown instead."""

import pytest

from pipeline.comparison.fairness import check_fair, differences
from pipeline.comparison.methods import Method, changed
from pipeline.errors import ConfigError
from tests.smoke.tiny import make_config, make_tree

TREE = make_tree(mode="kd_only", objectives={"cross_entropy": {}})


def make_stages(methods, extra=None, models=None):
    tree = {**TREE, "models": {**TREE["models"], **(models or {})}, "stages": {**TREE["stages"], **(extra or {})}}
    for name, method in methods.items():
        tree["stages"][name] = changed(TREE["stages"]["adapt"], method.change)
    return make_config(tree).stages


def fair(method, **more):
    return check_fair(make_stages({"mine": method}, **more), {"mine": method}, reference="adapt")["mine"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"steps": 4}, r"mine has another budget \(steps\)"),
        ({"rounds": 4}, r"another budget \(rounds\)"),
        ({"source_batch": {"identities": 5, "instances": 2}}, r"other batches \(source_batch\)"),
        ({"target": "probe"}, r"other data \(target\)"),
        ({"train": "big", "init": None}, r"another student \(train\)"),
        ({"init": None}, r"another beginning \(init\)"),
        ({"optimizer": {"lr": 0.5}}, r"another optimizer \(optimizer\)"),
        ({"augment": {"preset": "weak"}}, r"other changes of the images \(augment\)"),
    ],
)
def test_what_is_unfair_is_refused(change, sentence):
    with pytest.raises(ConfigError, match=sentence):
        fair(Method(change))


@pytest.mark.parametrize("key", ["init", "optimizer", "train"])
def test_a_declared_exception_is_allowed_and_told(key):
    change = {"init": None, "optimizer": {"lr": 0.5}, "train": "big"}
    told = fair(Method(change, dict.fromkeys(change, "it needs it")))
    assert told.exceptions[key] == "it needs it"
    assert told.changes == ()


@pytest.mark.parametrize("change", [{"steps": 4}, {"target": "probe"}, {"target_batch": {"identities": 2}}])
def test_data_and_budget_are_never_excepted(change):
    with pytest.raises(ConfigError, match="not a fair comparison"):
        fair(Method(change, dict.fromkeys(change, "because")))


def test_an_exception_for_nothing_is_refused():
    with pytest.raises(ConfigError, match="declares the exception optimizer, and nothing differs there"):
        fair(Method({"objectives": {"kd": {}}}, {"optimizer": "none"}))


def test_all_reasons_of_all_methods_are_told_together():
    methods = {"a": Method({"steps": 4}), "b": Method({"init": None, "rounds": 4})}
    with pytest.raises(ConfigError, match=r"a has another budget \(steps\); b has .* \(init\); b has .*\(rounds\)"):
        check_fair(make_stages(methods), methods, reference="adapt")


def test_another_kind_of_stage_is_refused_and_what_it_shares_is_compared():
    stages = make_stages({})
    found = differences(stages["adapt"], stages["ceiling"])
    assert found["kind"] == "another kind of stage"
    assert found["source"] == found["target"] == "other data"
    assert found["is_ceiling"] == "labels of the target"
    assert "rounds" in found


def test_what_a_method_alone_needs_is_its_own_and_reads_nothing_new():
    other = {**TREE["stages"]["pretrain"], "train": "wide"}
    wide = {"wide": TREE["models"]["big"]}
    method = Method({"teacher": "other.best", "objectives": {"kd": {}, "cross_entropy": {"weight": 0.5}}})
    told = fair(method, extra={"other": other}, models=wide)
    assert told.needs == ("other",)
    assert told.changes == ("teacher", "objectives.cross_entropy")
    for change, sentence in (
        ({"data": ["source", "target"], "is_ceiling": True}, "mine has labels of the target"),
        ({"data": "probe"}, r"mine has other data \(other reads probe\)"),
    ):
        with pytest.raises(ConfigError, match=sentence):
            fair(method, extra={"other": {**other, **change}}, models=wide)
