"""The detector stages run, leave their files, go on after a kill as if nothing had been, and read no target box."""

import json

import pytest

from pipeline.errors import ConfigError
from tests.smoke.test_all_stages import COMMON, TRAINED
from tests.smoke.tiny import attempt_of, make_config, manifest_of, only, rows_of, run_killed, run_tree, weights_of
from tests.smoke.tiny_streets import DETECTORS, make_street_tree

FILES = {
    "teach": TRAINED,
    "alone": TRAINED,
    "distil": TRAINED | {"teacher.safetensors"},
    "limit": TRAINED,
    "look": COMMON | {"miss_curves.json", "drawn_frames.json"},
}
STAGES = ("teach", "alone", "distil")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stages.evaluate_detector.frames_per_second", lambda model, size: 1.0)
        folder = tmp_path_factory.mktemp("streets") / "run"
        run_tree(make_street_tree(), folder)
        yield folder


def test_the_files_are_exactly_these(finished):
    for stage, files in FILES.items():
        assert {path.name for path in attempt_of(finished, stage).iterdir()} == files


def test_rows_hold_every_detector_on_every_domain(finished):
    summary = json.loads((attempt_of(finished, "look") / "summary.json").read_text())
    rows = summary["rows"]
    assert summary["subset"] in summary["semantics"]["subset"]
    assert {(row["role"], row["domain"]) for row in rows} == {(r, d) for r in DETECTORS for d in ("target", "source")}
    assert all(0.0 <= row["mr2"] <= 1.0 and 0.0 <= row["ap50"] <= 1.0 for row in rows)


def test_target_boxes_are_read_by_the_ceiling_and_the_evaluation_only(finished):
    read = {(s, name): entry["labels_read"] for s in FILES for name, entry in manifest_of(finished, s)["data"].items()}
    assert read[("distil", "new_streets")] is False
    assert read[("limit", "new_streets")] is True
    assert read[("look", "test")] is True
    assert "boxes" not in manifest_of(finished, "distil")["data"]["new_streets"]


def test_rounds_are_judged_without_labels(finished):
    rounds = rows_of(finished, "distil", "round")
    assert [row["round"] for row in rounds] == [0, 1, 2]
    assert all(0.0 <= row["selection"] <= 1.0 for row in rounds)


@pytest.mark.parametrize("teacher_learns", [False, True], ids=["frozen teacher", "learning teacher"])
def test_a_killed_distillation_goes_on_bit_for_bit(tmp_path, teacher_learns):
    tree = only(make_street_tree(teacher_learns=teacher_learns), *STAGES)
    run_tree(tree, tmp_path / "whole")
    from pipeline.training.detection.distil import DetectorDistillationTask as Task

    run_killed(tree, tmp_path / "killed", (Task, 5))
    run_tree(tree, tmp_path / "killed")
    assert weights_of(tmp_path / "killed", *STAGES) == weights_of(tmp_path / "whole", *STAGES)


def test_without_a_target_the_student_learns_on_the_source_alone(tmp_path):
    tree = only(make_street_tree(target=None, objectives={"pyramid": {}}, rounds=1), *STAGES)
    run_tree(tree, tmp_path / "run")
    assert list(manifest_of(tmp_path / "run", "distil")["data"]) == ["streets"]
    assert json.loads((attempt_of(tmp_path / "run", "distil") / "summary.json").read_text())["chosen_round"] == 1


def test_a_teacher_adapts_by_itself_before_it_teaches(tmp_path):
    tree = make_street_tree(teacher="settle.best", pseudo={"by": "teacher", "from_round": 0}, rounds=1)
    tree["stages"]["settle"] = {
        **tree["stages"]["distil"], "teacher": None, "train": "big_detector", "init": "teach.best",
        "pseudo": {"from_round": 1}, "rounds": 2,
    }  # fmt: skip
    tree["stages"] = {name: tree["stages"][name] for name in ("teach", "alone", "settle", "distil")}
    run_tree(tree, tmp_path / "run")
    assert manifest_of(tmp_path / "run", "settle")["data"]["new_streets"]["labels_read"] is False
    assert "teacher_agreement" not in rows_of(tmp_path / "run", "settle", "round")[-1]
    assert 0.0 <= rows_of(tmp_path / "run", "distil", "round")[-1]["teacher_agreement"] <= 1.0


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"target": None}, "neither teacher nor target"),
        ({"objectives": {"pyramid": {}}}, "need a teacher"),
        ({"pseudo": {"by": "teacher"}}, "need a teacher"),
        ({"teacher_learns": True}, "need a teacher"),
    ],
)
def test_without_a_teacher_nothing_can_be_learnt_from_it(settings, sentence):
    with pytest.raises(ConfigError, match=sentence):
        make_config(make_street_tree(teacher=None, **settings))


def test_a_two_stage_pair_runs(tmp_path):
    tree = only(make_street_tree(rounds=1, steps=2), *STAGES)
    for model in tree["models"].values():
        model |= {"detector": "faster_rcnn", "region_size": 3, "options": {"num_regions": 16, "num_proposals": 50}}
    run_tree(tree, tmp_path / "run")


def test_wrong_settings_are_told_before_anything_is_opened():
    tree = make_street_tree(source="streets", target="streets")
    with pytest.raises(ConfigError, match="source and target are both streets"):
        make_config(tree)
    tree = make_street_tree(train="big")
    tree["models"]["big"] = {"arch": "timm/resnet18", "size": [32, 16]}
    with pytest.raises(ConfigError, match="'big' is a re-ID network"):
        make_config(tree)
    with pytest.raises(ConfigError, match="expected two numbers from 0 on, the first the smaller one"):
        make_config(make_street_tree(pseudo={"shares": [2.0, 1.0]}))
