"""The step of teacher and student: who moves, who is heard, and what never gets a gradient."""

import pytest
import torch

from pipeline import build
from pipeline.training.camera_space import CameraSpace
from pipeline.training.mode_defaults import STUDENT_TERMS, TEACHER_TERMS
from pipeline.training.phases import MODES
from pipeline.training.progressive import ProgressiveTask
from tests.unit.training.make_parts import are_equal, make_batches, make_side, weights

PROGRESSIVE = MODES["joint"][0]


def make_task(mode="joint", phase=PROGRESSIVE, *, beta=0.5, frozen=False):
    teacher = make_side(TEACHER_TERMS[mode], 1, learns=not frozen)
    task = ProgressiveTask(
        teacher=teacher, student=make_side(STUDENT_TERMS[mode], 2), phase=phase,
        device=torch.device("cpu"), total_steps=10,
    )  # fmt: skip
    task.beta = beta
    return task


def parameters(player):
    return {name: p.detach().clone() for name, p in player.model.named_parameters()}


@pytest.mark.parametrize("mode", ["joint", "as_published"])
@pytest.mark.parametrize(("beta", "resting"), [(0.0, "student"), (1.0, "teacher")])
def test_at_the_ends_of_beta_one_network_rests(mode, beta, resting):
    task = make_task(mode, MODES[mode][0], beta=beta)
    players = {"teacher": task.teacher.player, "student": task.student.player}
    before = {name: parameters(player) for name, player in players.items()}
    for step in range(3):
        task.step(make_batches(step), step)
    moved = {name for name, player in players.items() if not are_equal(before[name], parameters(player))}
    assert moved == {"teacher", "student"} - {resting}


@pytest.mark.parametrize("mode", ["joint", "as_published"])
def test_the_student_sends_no_gradient_to_the_teacher(mode):
    task = make_task(mode, MODES[mode][0])
    teacher = task.teacher.player
    gradients = []
    original = task.student.player.learn

    def learn(loss, said, **more):
        teacher.optimizer.zero_grad(set_to_none=True)
        before = weights(teacher.model)
        rate = original(loss, said, **more)
        gradients.extend(p.grad for p in [*teacher.model.parameters(), *teacher.mean.parameters()])
        assert are_equal(before, weights(teacher.model))
        return rate

    task.student.player.learn = learn
    task.step(make_batches(), 0)
    assert gradients
    assert all(gradient is None for gradient in gradients)


def test_listening_leaves_the_buffers_of_a_frozen_teacher():
    task = make_task("kd_only", MODES["kd_only"][0], frozen=True)
    before = weights(task.teacher.frozen)
    terms = task.step(make_batches(), 0)
    assert are_equal(before, weights(task.teacher.frozen))
    assert {name.split(".")[0] for name in terms.parts} == {"student"}
    assert any("kd" in name for name in terms.parts)


def test_the_teacher_moves_before_the_student_listens():
    """In a joint step the student hears the teacher as it is after its own step of this batch."""
    task, twin = make_task(beta=0.5), make_task(beta=0.5)
    batches = make_batches()
    twin.phase = MODES["two_stage"][0]
    twin.step(batches, 0)  # the teacher's half alone, with its full rate
    heard = []
    original = task.student.objectives.__class__.__call__

    def listen(self, said, teacher, whole):
        heard.append({name: taps.bn_embedding for name, taps in teacher.items()})
        return original(self, said, teacher, whole)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(task.student.objectives), "__call__", listen)
        task.step(batches, 0)
    answers = heard[-1]["target"]
    with torch.no_grad():
        now = task.teacher.mean(batches["target"].images).bn_embedding
    assert torch.equal(answers, now)


def test_the_published_student_hears_the_learning_teacher_and_ours_its_mean():
    published, ours = make_task("as_published", MODES["as_published"][0]), make_task()
    assert published.teacher.speaker(published.phase) is published.teacher.player.model
    assert ours.teacher.speaker(ours.phase) is ours.teacher.player.mean
    resting = MODES["uda_only"][0]
    assert ours.teacher.speaker(resting) is None


def test_phases_without_clusters_leave_out_what_needs_them():
    first, second = MODES["distil_then_adapt"]
    task = make_task("distil_then_adapt", first, frozen=True)
    parts = task.step(make_batches(target_labels=False), 0).parts
    assert not any("centroid" in name for name in parts)
    assert any("kd" in name for name in parts)
    task.phase = second
    parts = task.step(make_batches(1), 1).parts
    assert any("centroid" in name for name in parts)
    assert not any("kd" in name or "relation" in name for name in parts)


def test_resting_networks_do_not_move():
    task = make_task(phase=MODES["two_stage"][0])
    student = weights(task.student.player.model)
    task.step(make_batches(), 0)
    assert are_equal(student, weights(task.student.player.model))
    task.phase = MODES["two_stage"][1]
    teacher = weights(task.teacher.player.model)
    task.step(make_batches(1), 1)
    assert are_equal(teacher, weights(task.teacher.player.model))


def test_nothing_to_learn_from_is_a_step_without_effect():
    task = make_task("uda_only", MODES["uda_only"][0], frozen=True)
    task.student.objectives = build.objectives({"centroid_contrast": {}}, student=task.student.mean.shape, teacher=None)
    before = weights(task.student.player.model)
    assert float(task.step(make_batches(target_labels=False), 0).total) == 0.0
    assert are_equal(before, weights(task.student.player.model))


def test_state_survives_a_round_trip_with_spaces_and_centroids():
    whole, first, second = make_task(), make_task(), make_task(beta=0.5)
    for task in (whole, first):
        task.student.space = CameraSpace(torch.full((3, 5), 0.1), torch.full((3, 5), 2.0))
    for step in range(4):
        whole.step(make_batches(step), step)
    for step in range(2):
        first.step(make_batches(step), step)
    second.load_state({name: value.clone() for name, value in first.state().items()})
    for step in range(2, 4):
        second.step(make_batches(step), step)
    for side in ("teacher", "student"):
        mine, other = getattr(whole, side).player, getattr(second, side).player
        assert are_equal(weights(mine.module), weights(other.module))
        assert are_equal(weights(mine.mean), weights(other.mean))
    assert second.teacher.space is None


def test_swapped_domains_leave_the_kernel_distance():
    model = make_side({}, 3).player.model.eval()
    objectives = build.objectives({"mmd": {}}, student=model.shape, teacher=None)
    batches = make_batches()
    said = {name: model(batch.images) for name, batch in batches.items()}
    swapped = {"source": said["target"], "target": said["source"]}
    there = objectives(said, {}, batches).total
    back = objectives(swapped, {}, {"source": batches["target"], "target": batches["source"]}).total
    torch.testing.assert_close(there, back)
