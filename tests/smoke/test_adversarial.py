"""A student against a discriminator: a whole run, killed and resumed bit for bit."""

from pipeline.training.progressive import ProgressiveTask
from tests.smoke.tiny import make_tree, only, rows_of, run_killed, run_tree, weights_of


def test_a_killed_run_goes_on_bit_for_bit(tmp_path):
    terms = {"adversarial": {"weight": 0.1, "on": ["source", "target"]}, "kd": {}}
    tree = only(make_tree(mode="kd_only", init=None, objectives=terms), "pretrain", "adapt")
    tree["runtime"] |= {"checkpoint_every_steps": 1}
    run_tree(tree, tmp_path / "whole")
    row = rows_of(tmp_path / "whole", "adapt", "step")[-1]
    assert {"student.source.adversarial", "student.target.adversarial"} <= set(row["terms"])
    assert row["facts"]["student.adversarial.rival"] > 0
    run_killed(tree, tmp_path / "killed", (ProgressiveTask, 4))
    run_tree(tree, tmp_path / "killed")
    assert weights_of(tmp_path / "killed", "adapt") == weights_of(tmp_path / "whole", "adapt")
    assert rows_of(tmp_path / "killed", "adapt", "step")[-1]["facts"] == row["facts"]
