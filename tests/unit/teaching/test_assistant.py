"""The rule that chooses an assistant, and the two ways to average what it hears."""

import pytest
import torch
import torch.nn.functional as F

from pipeline.losses.distillation.kd import kd_loss
from pipeline.teaching.assistant import nearest_to_middle
from tests.references.mutual import middle_candidate


def test_golden_value_is_that_of_a_sum_over_identities():
    teacher, student = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 0.0]])
    assert kd_loss(student, teacher, temperature=1.0).item() == pytest.approx(0.327813, abs=1e-6)
    # The plain mean also divides by the identities; a term of ours is that much stronger than the published code's.
    mean = F.kl_div(student.log_softmax(1), teacher.softmax(1), reduction="none").mean()
    assert mean.item() == pytest.approx(0.163907, abs=1e-6)


def test_the_nearest_to_the_middle_is_chosen_whatever_its_size():
    scores = {"upper": 0.58, "middle": 0.55, "lower": 0.41}
    assert nearest_to_middle(scores, teacher=0.6, student=0.3) == "lower"
    assert nearest_to_middle(scores, teacher=0.7, student=0.4) == "middle"
    # A teacher may be worse than the student on people whom it has not seen.
    assert nearest_to_middle(scores, teacher=0.4, student=0.7) == "middle"


def test_of_equals_the_first_is_chosen():
    assert nearest_to_middle({"b": 0.25, "a": 0.75}, teacher=1.0, student=0.0) == "b"
    assert nearest_to_middle({"a": 0.5, "b": 0.5}, teacher=0.0, student=0.0) == "a"


def test_equals_its_loop_twin():
    values = torch.rand(40, 5, generator=torch.Generator().manual_seed(3), dtype=torch.float64).tolist()
    for teacher, student, *scores in values:
        chosen = nearest_to_middle({f"c{i}": score for i, score in enumerate(scores)}, teacher=teacher, student=student)
        assert chosen == f"c{middle_candidate(teacher, student, scores)}"
