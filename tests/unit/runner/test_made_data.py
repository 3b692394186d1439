"""Data that a stage of the run makes: its maker runs first, its artifact stands for it, its folder is the root."""

from dataclasses import replace

import pytest

from pipeline.config.made_data import needed_artifacts
from pipeline.errors import ConfigError
from pipeline.plan import make_plan
from tests.unit.runner.fakes import STAGES, data_digest, make_config, make_tree, run_tree


def made_tree(made_by="pretrain.last"):
    tree = make_tree()
    tree["data"]["made"] = {"kind": "folder", "from": made_by, "split": "all"}
    # The maker stands behind the stage that needs it, which names no other artifact of it.
    tree["stages"] = {
        "adapt": {"kind": "combine", "teacher": "other.best", "target": "made"},
        "other": {"kind": "count", "train": "big", "data": "source", "steps": 3},
        "pretrain": tree["stages"]["pretrain"],
    }
    return tree


def test_the_maker_runs_first_and_only_its_artifact_is_known():
    config = make_config(made_tree())
    asked = []
    plan = {p.name: p for p in make_plan(config, STAGES, data_digest=lambda data: asked.append(data.made_by) or "d")}
    assert list(plan) == ["other", "pretrain", "adapt"]
    assert plan["adapt"].needs == ("other.best", "pretrain.last")
    assert plan["adapt"].identity["config"]["target"] == {
        "name": "made", "kind": "folder", "split": "all", "from": {"artifact": "pretrain.last"}
    }  # fmt: skip
    assert asked == [None]
    assert [p.name for p in make_plan(config, STAGES, data_digest=data_digest, until="adapt")][-1] == "adapt"


def test_the_stage_gets_the_folder_of_the_artifact(tmp_path):
    seen = []

    def spy(context):
        seen.append(context.run_config.data["made"].arguments)
        return STAGES["combine"].run(context)

    stages = {**STAGES, "combine": replace(STAGES["combine"], run=spy)}
    assert set(run_tree(tmp_path / "run", made_tree(), stages=stages).values()) == {"missing"}
    assert seen == [{"split": "all", "root": str(tmp_path / "run" / "pretrain" / "a0001")}]
    assert set(run_tree(tmp_path / "run", made_tree(), stages=stages).values()) == {"fresh"}


def test_other_content_makes_what_reads_it_stale_and_equal_content_does_not(tmp_path):
    run_tree(tmp_path, made_tree())
    tree = made_tree()
    tree["stages"]["pretrain"]["steps"] = 21
    assert run_tree(tmp_path, tree) == {"other": "fresh", "pretrain": "stale", "adapt": "stale"}
    assert run_tree(tmp_path, tree, restart=("pretrain",))["adapt"] == "fresh"


@pytest.mark.parametrize(
    ("made_by", "sentence"),
    [
        ("pretrain", r"data\.made\.from: 'pretrain' is not of the form stage\.role"),
        ("pretrian.last", r"data\.made\.from: there is no stage 'pretrian'; did you mean 'pretrain'"),
        ("pretrain.crops", r"data\.made\.from: stage 'pretrain' \(count\) leaves no 'crops'"),
        ("adapt.best", "stages wait for each other: adapt → adapt"),
    ],
)
def test_a_wrong_maker_is_told_when_the_configuration_is_read(made_by, sentence):
    with pytest.raises(ConfigError, match=sentence):
        make_config(made_tree(made_by))


def test_data_has_one_origin():
    tree = made_tree()
    tree["data"]["made"]["root"] = "data/c"
    with pytest.raises(ConfigError, match=r"from is pretrain\.last and root data/c"):
        make_config(tree)


def test_what_needs_a_skipped_maker_is_skipped():
    tree = made_tree()
    tree["data"]["source"] = {"kind": "folder", "root": None, "optional": True}
    tree["stages"]["adapt"]["teacher"] = "free.best"
    tree["stages"]["free"] = {"kind": "count", "train": "big", "data": "target"}
    plan = {p.name: p for p in make_plan(make_config(tree), STAGES, data_digest=data_digest)}
    assert plan["adapt"].skipped == "pretrain is skipped (data.source has no root; set data.source.root)"
    assert not plan["free"].skipped


def test_data_of_its_own_is_written_down_as_before():
    config = make_config(made_tree())
    assert "from" not in config.to_tree()["data"]["source"]
    assert config.to_tree()["data"]["made"] == {
        "kind": "folder", "optional": False, "from": "pretrain.last", "split": "all"
    }  # fmt: skip
    assert needed_artifacts(config.stages["pretrain"], config.data) == ()
