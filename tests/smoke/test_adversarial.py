"""A student against a discriminator: a whole run, killed and resumed bit for bit."""

import pytest

from pipeline.errors import PipelineError
from pipeline.training.progressive import ProgressiveTask
from tests.smoke.tiny import make_tree, only, rows_of, run_tree, weights_of


def test_a_killed_run_goes_on_bit_for_bit(tmp_path, monkeypatch):
    terms = {"adversarial": {"weight": 0.1, "on": ["source", "target"]}, "kd": {}}
    tree = only(make_tree(mode="kd_only", init=None, objectives=terms), "pretrain", "adapt")
    tree["runtime"] |= {"checkpoint_every_steps": 1}
    run_tree(tree, tmp_path / "whole")
    row = rows_of(tmp_path / "whole", "adapt", "step")[-1]
    assert {"student.source.adversarial", "student.target.adversarial"} <= set(row["terms"])
    assert row["facts"]["student.adversarial.rival"] > 0
    step = ProgressiveTask.step

    def dying(self, batches, number):
        if number == 4:
            raise PipelineError("the power went", "power")
        return step(self, batches, number)

    monkeypatch.setattr(ProgressiveTask, "step", dying)
    with pytest.raises(PipelineError, match="power"):
        run_tree(tree, tmp_path / "killed")
    monkeypatch.setattr(ProgressiveTask, "step", step)
    run_tree(tree, tmp_path / "killed")
    assert weights_of(tmp_path / "killed", "adapt") == weights_of(tmp_path / "whole", "adapt")
    assert rows_of(tmp_path / "killed", "adapt", "step")[-1]["facts"] == row["facts"]
