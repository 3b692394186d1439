"""Facts: what objectives tell of their last call, on its way into the log."""

import pytest
import torch

from pipeline.losses.objective import ObjectiveSum
from pipeline.losses.supervised.triplet import Triplet
from pipeline.training.loop import LoopHooks, run_steps
from pipeline.training.phases import MODES
from pipeline.training.progress import Progress
from pipeline.training.progressive import ProgressiveTask
from pipeline.training.scoped import ScopedObjective, ScopedObjectives
from pipeline.training.supervised import SupervisedTask
from pipeline.types import LossTerms, Taps
from tests.unit.training.make_parts import make_batch, make_batches, make_player, make_side


class Counting:
    """Tells how often it was called, with a gradient that nobody should keep."""

    reads = ("embedding",)
    needs_teacher = False
    needs_labels = False

    def __init__(self):
        self.calls = 0

    def facts(self):
        return {"calls": torch.tensor(float(self.calls), requires_grad=True)}

    def __call__(self, student, teacher, batch):
        self.calls += 1
        return student.embedding.mean()


def make_taps():
    rows = torch.ones(8, 3, requires_grad=True)
    return Taps(rows, rows)


def test_facts_are_collected_by_term_and_detached():
    terms = ObjectiveSum({"a": (Counting(), 1.0), "b": (Counting(), 0.0)})(make_taps(), None, make_batch(0))
    assert {name: value.item() for name, value in terms.facts.items()} == {"a.calls": 1.0, "b.calls": 1.0}
    assert not any(value.requires_grad for value in terms.facts.values())
    assert set(terms.parts) == {"a", "b"}


def test_a_term_without_facts_tells_none():
    assert ObjectiveSum({"triplet": (Triplet(), 1.0)})(make_taps(), None, make_batch(0)).facts == {}


def test_each_domain_has_facts_of_its_own():
    objectives = ScopedObjectives([ScopedObjective("a", Counting(), 1.0, ("source", "target"))])
    taps = make_taps()
    terms = objectives({"source": taps, "target": taps}, {}, make_batches())
    assert {name: value.item() for name, value in terms.facts.items()} == {"source.a.calls": 1.0, "target.a.calls": 2.0}


def test_a_progressive_step_tells_whose_facts_they_are():
    student = make_side({"ka": {}, "dtd": {}}, 1)
    task = ProgressiveTask(
        teacher=make_side({"cross_entropy": {}}, 2, learns=False), student=student, phase=MODES["kd_only"][0],
        device=torch.device("cpu"), total_steps=4,
    )  # fmt: skip
    facts = task.step(make_batches(), 0).facts
    assert set(facts) == {
        "student.source.ka.changed",
        *(f"student.{d}.dtd.{s}_temperature" for d in ("source", "target") for s in ("min", "mean", "max")),
    }
    assert 0.0 <= facts["student.source.ka.changed"] <= 1.0


def test_training_on_labels_tells_facts_without_the_domain():
    player = make_player()
    objectives = ScopedObjectives([ScopedObjective("a", Counting(), 1.0, ("source",))])
    terms = SupervisedTask(player, objectives, device=torch.device("cpu")).step({"source": make_batch(0)}, 0)
    assert {name: value.item() for name, value in terms.facts.items()} == {"a.calls": 1.0}


@pytest.mark.parametrize("facts", [{}, {"source.ka.changed": torch.tensor(0.25)}])
def test_facts_stand_in_the_row_of_a_step_where_there_are_any(facts):
    class Task:
        def step(self, batches, step):
            return LossTerms(torch.tensor(1.0), {"ka": torch.tensor(1.0)}, facts)

    rows = []
    hooks = LoopHooks(log=rows.append, save=lambda step: None)
    run_steps(Task(), iter([make_batches()]), start=0, stop=1, hooks=hooks, progress=Progress("test", total=1))
    if facts:
        assert rows[0]["facts"] == {"source.ka.changed": 0.25}
    else:
        assert "facts" not in rows[0]
