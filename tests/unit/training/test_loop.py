"""The loop: what it logs, when it leaves resume points, and where it stops."""

import pytest
import torch

from pipeline.errors import TrainingError
from pipeline.training import loop
from pipeline.training.loop import LoopHooks, run_steps
from pipeline.training.progress import Progress, readable
from pipeline.types import LossTerms
from tests.unit.training.make_parts import make_batches


class Task:
    """Draws one number a step, and turns to NaN at a step."""

    def __init__(self, broken=None):
        self.broken, self.drawn = broken, []

    def step(self, batches, step):
        self.drawn.append(float(torch.rand(())))
        value = torch.tensor(float("nan") if step == self.broken else 1.0)
        return LossTerms(value, {"kd": value, "mmd": torch.tensor(2.0)})


def run(task, *, start=0, stop=5, **hooks):
    rows, saved = [], []
    chosen = LoopHooks(log=rows.append, save=saved.append, **hooks)
    batches = (make_batches() for _ in range(start, stop))
    progress = Progress("test", total=stop, start=start)
    run_steps(task, batches, start=start, stop=stop, hooks=chosen, progress=progress)
    return rows, saved


def test_rows_come_at_intervals_and_at_the_end():
    rows, _ = run(Task(), log_every=2)
    assert [row["step"] for row in rows] == [2, 4, 5]
    assert rows[0]["terms"] == {"kd": 1.0, "mmd": 2.0}
    assert rows[0]["loss"] == 1.0


def test_points_are_left_by_steps_but_not_at_the_end():
    assert run(Task(), save_every_steps=1)[1] == [1, 2, 3, 4]
    assert run(Task(), start=3, stop=8, save_every_steps=2)[1] == [4, 6]
    assert run(Task(), save_every_seconds=None)[1] == []


def test_the_clock_runs_on_over_several_loops(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(loop.time, "monotonic", lambda: now[0])
    saved = []
    hooks = LoopHooks(log=lambda row: None, save=saved.append, save_every_seconds=10.0, last_save=0.0)

    class Slow(Task):
        def step(self, batches, step):
            now[0] += 2.0
            return super().step(batches, step)

    for first in range(0, 12, 3):
        batches = (make_batches() for _ in range(3))
        run_steps(Slow(), batches, start=first, stop=first + 3, hooks=hooks, progress=Progress("test", total=12))
    assert saved == [5, 10]


def test_a_step_draws_the_same_whatever_came_before():
    whole, late = Task(), Task()
    run(whole)
    torch.rand(17)
    run(late, start=3)
    assert late.drawn == whole.drawn[3:]


def test_a_term_that_is_not_finite_stops_before_it_is_saved():
    saved = []
    hooks = LoopHooks(log=lambda row: None, save=saved.append, save_every_steps=1)
    with pytest.raises(TrainingError, match="not finite at step 2: kd nan, mmd 2, total nan"):
        run_steps(
            Task(broken=2), (make_batches() for _ in range(5)), start=0, stop=5, hooks=hooks,
            progress=Progress("test", total=5),
        )  # fmt: skip
    assert saved == [1, 2]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59.4, "59 s"), (185, "3 min 05 s"), (7800, "2 h 10 min"), (3599.6, "1 h 00 min")]
)
def test_durations_are_readable(seconds, text):
    assert readable(seconds) == text
