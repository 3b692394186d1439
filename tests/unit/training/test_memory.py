"""What an adaptation remembers survives a kill, and brings the best networks back."""

import numpy as np
import pytest
import torch

from pipeline.training.memory import AdaptationMemory
from pipeline.training.mode_defaults import STUDENT_TERMS
from pipeline.training.phases import MODES
from pipeline.training.progressive import ProgressiveTask
from tests.unit.training.make_parts import are_equal, make_batches, make_side, weights


@pytest.fixture
def task():
    return ProgressiveTask(
        teacher=make_side({}, 1, learns=False), student=make_side(STUDENT_TERMS["kd_only"], 2),
        phase=MODES["kd_only"][0], device=torch.device("cpu"), total_steps=10,
    )  # fmt: skip


def test_only_a_larger_score_is_taken(task):
    memory = AdaptationMemory()
    assert memory.take(0, 0.0, task.sides)
    assert not memory.take(1, 0.0, task.sides)
    assert memory.take(2, 0.5, task.sides)
    assert (memory.best_round, memory.best_score) == (2, 0.5)


def test_restoring_brings_back_both_networks_and_forgets_moments(task):
    memory = AdaptationMemory()
    memory.take(0, 0.5, task.sides)
    best, teacher = weights(task.student.mean), weights(task.teacher.mean)
    for step in range(3):
        task.step(make_batches(step), step)
    assert not are_equal(best, weights(task.student.mean))
    memory.restore(task.sides)
    assert are_equal(best, weights(task.student.mean))
    assert are_equal(best, weights(task.student.player.model))
    assert are_equal(teacher, weights(task.teacher.mean))
    assert not task.student.player.optimizer.state
    assert task.student.player.updates == 3


@pytest.mark.parametrize("labels", [None, np.array([0, 1, -1, 2])])
def test_tensors_make_the_same_memory(task, labels):
    facts = {"round": 3, "agreement": None}
    memory = AdaptationMemory(labels=labels, threshold=0.25, harmful=1, rollbacks=2, facts=facts)
    memory.take(4, 0.75, task.sides)
    copy = AdaptationMemory.of({name: value.clone() for name, value in memory.tensors().items()})
    assert (copy.labels is None) == (labels is None)
    assert labels is None or np.array_equal(copy.labels, labels)
    assert are_equal(copy.best, memory.best)
    names = ("best_score", "best_round", "threshold", "harmful", "rollbacks", "facts")
    assert [getattr(copy, name) for name in names] == [getattr(memory, name) for name in names]


def test_a_fresh_memory_survives_too():
    copy = AdaptationMemory.of(AdaptationMemory().tensors())
    assert copy.best_score == float("-inf")
    assert copy.best == {}
