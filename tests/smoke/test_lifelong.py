"""A student that learns on at another site and hears its earlier self: whole runs, resumed, and settings refused."""

import pytest

from pipeline.training.progressive import ProgressiveTask
from tests.smoke.tiny import (
    make_tree,
    manifest_of,
    market_names,
    only,
    rows_of,
    run_command,
    run_killed,
    run_tree,
    weights_of,
    write_crops,
)

STAGES = ("pretrain", "direct", "adapt")


def make_lifelong(**adapt):
    return only(make_tree(**{"remembers": "direct.best", **adapt}), *STAGES)


def test_it_runs_and_a_killed_run_goes_on_bit_for_bit(tmp_path):
    tree = make_lifelong()
    tree["runtime"] |= {"checkpoint_every_steps": 1}
    run_tree(tree, tmp_path / "whole")
    terms = rows_of(tmp_path / "whole", "adapt", "step")[-1]["terms"]
    assert {"student.source.lwf", "student.target.lwf", "student.target.relation"} <= set(terms)
    assert manifest_of(tmp_path / "whole", "adapt")["inputs"].keys() == {"pretrain.best", "direct.best"}
    run_killed(tree, tmp_path / "killed", (ProgressiveTask, 4))
    run_tree(tree, tmp_path / "killed")
    assert weights_of(tmp_path / "killed", "adapt") == weights_of(tmp_path / "whole", "adapt")


def test_a_camera_is_added_at_the_same_site_and_each_is_measured(tmp_path):
    site = str(write_crops(tmp_path / "site", market_names(cameras=3)))
    tree = make_tree(clustering={"k1": 4, "k2": 1, "eps": 0.7, "min_samples": 2})
    tree["data"] |= {
        "target": {"kind": "market1501", "root": site, "cameras": ["1", "2"]},
        "added": {"kind": "market1501", "root": site, "cameras": ["3"]},
        "probe": {"kind": "market1501", "root": site, "split": "carved_query_gallery"},
    }
    stages = tree["stages"]
    stages["later"] = {**stages["adapt"], "target": "added", "init": "adapt.best", "remembers": "adapt.best"}
    score = stages.pop("score")
    stages["score"] = {**score, "models": {"student_direct": "adapt.best", "student_adapted": "later.best"}}
    run_tree(only(tree, "pretrain", "direct", "adapt", "later", "score"), tmp_path / "run")
    rows = manifest_of(tmp_path / "run", "score")["metrics"]["rows"]
    for row in rows:
        assert list(row["cameras"]) == ["1", "2", "3"]
        queries = sum(camera["queries"] for camera in row["cameras"].values())
        assert queries == row["queries"] - row["skipped_queries"]
        mean = sum(camera["mAP"] * camera["queries"] for camera in row["cameras"].values()) / queries
        assert mean == pytest.approx(row["mAP"])


def test_a_student_without_a_teacher_remembers_too(tmp_path):
    run_tree(make_lifelong(mode="uda_only", objectives={"lwf": {"responses": 0.0}}), tmp_path / "run")
    assert set(rows_of(tmp_path / "run", "adapt", "step")[-1]["terms"]) == {"student.source.lwf", "student.target.lwf"}


@pytest.mark.parametrize(
    ("adapt", "sentence"),
    [
        ({"remembers": None, "objectives": {"lwf": {}}}, "lwf hears an earlier network, and none is given"),
        ({"objectives": {"kd": {}}}, "remembers is direct.best, but no objective hears it"),
        ({"teacher_objectives": {"lwf": {}}}, "the teacher's lwf would hear"),
        ({"remembers": "pretrain.route"}, "remembers is pretrain.route, a route"),
    ],
)
def test_settings_that_do_not_fit_are_refused(adapt, sentence, tmp_path, capsys):
    assert run_command(make_lifelong(**adapt), tmp_path / "run") == 2
    assert sentence in capsys.readouterr().err
