"""A student that is taught the inside of its teacher: maps, attention and weights, also from a resume point on."""

import pytest

from pipeline.errors import ConfigError
from pipeline.interruption import RunInterrupted
from pipeline.training.progressive import ProgressiveTask
from tests.smoke.tiny import attempt_of, make_tree, only, rows_of, run_tree, weights_of

INSIDE = {
    "kd": {},
    "fitnets": {"layers": ["stage2", "stage3"], "on": ["source", "target"]},
    "attention_transfer": {"layers": ["stage1", "stage2", "stage3"], "weight": 500.0},
    # Not a divisor of the steps between resume points, so that a count which starts anew shows.
    "kr_approx": {"every": 3, "weight": 0.1},
}


def make_inside(objectives=None, **adapt):
    return only(
        make_tree(objectives=INSIDE if objectives is None else objectives, **adapt), "pretrain", "direct", "adapt"
    )


def test_an_interrupted_run_ends_with_the_same_weights(tmp_path, monkeypatch):
    whole, halted = tmp_path / "whole", tmp_path / "halted"
    run_tree(make_inside(), whole)
    terms = rows_of(whole, "adapt", "step")[-1]["terms"]
    assert {name for name in terms if name.startswith("student.")} == {
        "student.source.kd", "student.target.kd", "student.source.fitnets", "student.target.fitnets",
        "student.target.attention_transfer", "student.source.kr_approx",
    }  # fmt: skip
    assert all(value > 0 for name, value in terms.items() if name.startswith("student."))

    original = ProgressiveTask.step

    def step(self, batches, number):
        if number == 5:
            raise KeyboardInterrupt
        return original(self, batches, number)

    monkeypatch.setattr(ProgressiveTask, "step", step)
    with pytest.raises(RunInterrupted, match="after step 4"):
        run_tree(make_inside(), halted)
    monkeypatch.undo()
    run_tree(make_inside(), halted)
    assert weights_of(whole, "adapt") == weights_of(halted, "adapt")
    assert attempt_of(halted, "adapt").name == "a0001"


@pytest.mark.parametrize(
    ("mode", "objectives", "sentence"),
    [
        ("joint", {"fitnets": {"layers": ["stage9"]}}, "fitnets reads the map 'stage9', which the student does not"),
        ("uda_only", {"attention_transfer": {}}, "no teacher is heard here"),
        ("joint", {"kr_approx": {"stages": ["stage5"]}}, "weights of stage5, which the student does not have"),
    ],
)
def test_what_a_network_lacks_is_said_before_any_training(tmp_path, mode, objectives, sentence):
    with pytest.raises(ConfigError, match=sentence):
        run_tree(make_inside(objectives, mode=mode), tmp_path / "run")
    assert not (tmp_path / "run" / "adapt" / "CURRENT").exists()
