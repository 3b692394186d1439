"""A network with exits: whole runs, killed and resumed, whose files are those of a plain network."""

import pytest

from pipeline.checkpoint_file import read_checkpoint
from pipeline.training.supervised import SupervisedTask
from tests.smoke.tiny import attempt_of, make_tree, only, rows_of, run_command, run_killed, run_tree, weights_of

TERMS = {"cross_entropy": {}, "triplet": {}}


def make_exits(**byot):
    tree = only(make_tree(), "direct")
    plain = {**tree["stages"]["direct"], "objectives": TERMS}
    tree["stages"] = {"plain": plain, "exits": {**plain, "objectives": {**TERMS, "byot": byot}}}
    return tree


def test_exits_are_left_behind_and_a_killed_run_goes_on_bit_for_bit(tmp_path):
    tree = make_exits()
    tree["runtime"] |= {"checkpoint_every_steps": 1}
    run_tree(tree, tmp_path / "whole")
    assert rows_of(tmp_path / "whole", "exits", "step")[-1]["terms"]["byot"] > 0
    files = [
        read_checkpoint(attempt_of(tmp_path / "whole", stage) / "best.safetensors") for stage in ("plain", "exits")
    ]
    shapes = [{name: value.shape for name, value in tensors.items()} for tensors, _ in files]
    assert shapes[0] == shapes[1]
    assert files[0][1]["spec"] == files[1][1]["spec"]
    digests = weights_of(tmp_path / "whole", "exits")
    only_exits = only(tree, "exits")
    run_killed(only_exits, tmp_path / "killed", (SupervisedTask, 1), (SupervisedTask, 3))
    run_tree(only_exits, tmp_path / "killed")
    assert weights_of(tmp_path / "killed", "exits") == digests


def test_a_student_hears_a_teacher_and_itself(tmp_path):
    terms = {"kd": {}, "byot": {"exits": ["stage2"]},
             "byot_target": {"use": "byot", "labels": 0.0, "on": ["target"]}}  # fmt: skip
    run_tree(only(make_tree(mode="kd_only", objectives=terms), "pretrain", "direct", "adapt"), tmp_path / "run")
    told = rows_of(tmp_path / "run", "adapt", "step")[-1]["terms"]
    assert {"student.source.byot", "student.target.byot_target", "student.target.kd"} <= set(told)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"on": ["source", "target"]}, "byot needs true identities"),
        ({"exits": ["stage7"]}, "byot reads the map 'stage7', which the student does not have"),
        ({"make_neck": 3}, "make_neck"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, sentence, tmp_path, capsys):
    assert run_command(only(make_exits(**settings), "exits"), tmp_path / "run") == 2
    assert sentence in capsys.readouterr().err
