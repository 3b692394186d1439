"""Mutual steps: the teacher hears the student, moves first, and no gradient crosses."""

import pytest
import torch

from pipeline.training import progressive as module
from pipeline.training.mode_defaults import STUDENT_TERMS, TEACHER_TERMS
from pipeline.training.phases import MODES, WARM_UP, rounds_of
from pipeline.training.progressive import ProgressiveTask
from tests.unit.training.make_parts import are_equal, make_batches, make_side, weights

(MUTUAL,) = MODES["prokt"]
CONSTRAINED = {"proximal": {"rule": "constrained", "eta": 0.5}}


def make_task(teacher_terms=None, student_terms=None, phase=MUTUAL):
    return ProgressiveTask(
        teacher=make_side(teacher_terms or TEACHER_TERMS["prokt"], 1),
        student=make_side(student_terms or STUDENT_TERMS["prokt"], 2),
        phase=phase, device=torch.device("cpu"), total_steps=10,
    )  # fmt: skip


def test_the_teacher_steps_first_on_the_resting_student_and_the_student_on_the_moved_teacher(monkeypatch):
    task, batches = make_task(), make_batches(target_labels=False)
    events, original = [], module.respond

    def respond(network, images, **more):
        said = original(network, images, **more)
        events.append(("student" if network is task.student.player.model else "teacher", said))
        return said

    monkeypatch.setattr(module, "respond", respond)
    for name in ("teacher", "student"):
        player = getattr(task, name).player

        def learn(*args, _name=name, _learn=player.learn, **more):
            events.append((f"{_name} steps", None))
            return _learn(*args, **more)

        player.learn = learn
    resting = weights(task.student.player.model)
    task.step(batches, 0)
    assert [what for what, _ in events] == ["student", "teacher steps", "teacher", "teacher", "student steps"]
    twin = make_task().student.player.model.eval()
    twin.load_state_dict(resting)
    with torch.no_grad():
        assert torch.equal(events[0][1].logits, twin(batches["source"].images).logits)
        moved = task.teacher.player.model.eval()
        assert torch.equal(events[2][1].logits, moved(batches["source"].images).logits)
        assert torch.equal(events[3][1].logits, moved(batches["target"].images).logits)


def test_the_teacher_takes_no_step_on_the_target():
    task, other = make_task(), make_task()
    first, second = make_batches(0, target_labels=False), make_batches(0, target_labels=False)
    second["target"].images.fill_(7)
    task.step(first, 0)
    other.step(second, 0)
    assert are_equal(weights(task.teacher.player.module), weights(other.teacher.player.module))
    assert not are_equal(weights(task.student.player.module), weights(other.student.player.module))


def test_no_gradient_crosses_in_either_direction():
    task = make_task()
    found = {}
    for name, other in (("teacher", "student"), ("student", "teacher")):
        player, resting = getattr(task, name).player, getattr(task, other).player

        def learn(*args, _name=name, _resting=resting, _learn=player.learn, **more):
            _resting.optimizer.zero_grad(set_to_none=True)
            before = weights(_resting.module)
            rate = _learn(*args, **more)
            is_still = are_equal(before, weights(_resting.module))
            found[_name] = is_still and all(p.grad is None for p in _resting.module.parameters())
            return rate

        player.learn = learn
    task.step(make_batches(target_labels=False), 0)
    assert found == {"teacher": True, "student": True}


def test_facts_of_the_proximal_term_are_logged():
    task = make_task(CONSTRAINED)
    facts = task.step(make_batches(target_labels=False), 0).facts
    assert facts["teacher.source.proximal.beta"] == 1.0
    assert facts["teacher.source.proximal.distance"] >= 0.0


@pytest.mark.parametrize("terms", [TEACHER_TERMS["prokt"], CONSTRAINED], ids=["weighted", "constrained"])
def test_state_survives_a_round_trip(terms):
    whole, first, second = make_task(terms), make_task(terms), make_task(terms)
    for step in range(4):
        whole.step(make_batches(step, target_labels=False), step)
    for step in range(2):
        first.step(make_batches(step, target_labels=False), step)
    second.load_state({name: value.clone() for name, value in first.state().items()})
    for step in range(2, 4):
        second.step(make_batches(step, target_labels=False), step)
    for side in ("teacher", "student"):
        mine, other = getattr(whole, side).player, getattr(second, side).player
        assert are_equal(weights(mine.module), weights(other.module))
        assert are_equal(weights(mine.mean), weights(other.mean))


def test_while_the_student_warms_up_the_teacher_rests():
    task = make_task(phase=WARM_UP)
    before = weights(task.teacher.player.module)
    parts = task.step(make_batches(target_labels=False), 0).parts
    assert are_equal(before, weights(task.teacher.player.module))
    assert {name.split(".")[0] for name in parts} == {"student"}


def test_a_warm_up_comes_first_and_counts_as_the_students_rounds():
    schedule = rounds_of("prokt", 8, warmup=2)
    assert [now.phase is WARM_UP for now in schedule] == [True] * 2 + [False] * 6
    assert [now.number for now in schedule] == list(range(8))
    assert [(now.position, now.of) for now in schedule[:3]] == [(1, 2), (2, 2), (1, 6)]


def test_only_phases_with_a_resting_teacher_are_repeated():
    assert len(rounds_of("kd_only", 3, repeats=4)) == 12
    schedule = rounds_of("distil_then_adapt", 4, repeats=3)
    assert [now.phase.teaches for now in schedule] == ["mean"] * 6 + ["nobody"] * 2
    assert len(rounds_of("joint", 3, repeats=4)) == 3
