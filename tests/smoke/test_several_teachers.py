"""Several teachers by chance and by agreement: whole runs, killed and resumed, and settings that are refused."""

import pytest

from pipeline.training.progressive import ProgressiveTask
from tests.smoke.tiny import make_tree, only, rows_of, run_command, run_killed, run_tree, weights_of


def make_several(combine, **ensemble):
    adapt = {"mode": "kd_only", "init": None, "teacher": ["pretrain.best", "pretrain.last"]}
    return only(make_tree(**adapt, ensemble={"combine": combine, **ensemble}), "pretrain", "adapt")


@pytest.mark.parametrize("combine", ["random", "agreement"])
def test_several_teachers_run_and_a_killed_run_goes_on_bit_for_bit(combine, tmp_path):
    tree = make_several(combine)
    tree["runtime"] |= {"checkpoint_every_steps": 1}
    run_tree(tree, tmp_path / "whole")
    facts = rows_of(tmp_path / "whole", "adapt", "step")[-1]["facts"]
    if combine == "random":
        assert facts["teacher.heard_1"] + facts["teacher.heard_2"] == 6
    else:
        assert facts["teacher.source.weight_1"] + facts["teacher.source.weight_2"] == pytest.approx(1.0)
    run_killed(tree, tmp_path / "killed", (ProgressiveTask, 4))
    run_tree(tree, tmp_path / "killed")
    assert weights_of(tmp_path / "killed", "adapt") == weights_of(tmp_path / "whole", "adapt")
    assert rows_of(tmp_path / "killed", "adapt", "step")[-1]["facts"] == facts


def test_what_one_teacher_at_a_time_has_no_use_for_is_refused(tmp_path, capsys):
    assert run_command(make_several("random", temperature=2.0), tmp_path / "run") == 2
    assert "temperature has no effect with combine random" in capsys.readouterr().err
