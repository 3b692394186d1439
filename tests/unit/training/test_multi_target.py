"""One student for several targets: who moves when, who is heard where, and what survives a kill."""

import numpy as np
import pytest
import torch
from torch import nn

from pipeline.training.adaptation import Adaptation, Plan
from pipeline.training.beta import BetaSettings
from pipeline.training.clustering_settings import ClusteringSettings
from pipeline.training.loop import LoopHooks
from pipeline.training.memory import AdaptationMemory, MultiTargetMemory
from pipeline.training.multi_target import MultiTargetDomains, MultiTargetTask
from pipeline.training.multi_target_modes import (
    MULTI_TARGET_BETA,
    MULTI_TARGET_MODES,
    MULTI_TARGET_STUDENT_TERMS,
    MULTI_TARGET_TEACHER_TERMS,
    multi_target_rounds,
)
from pipeline.training.precision import Precision
from pipeline.training.progressive import ProgressiveTask, Side
from pipeline.training.relabel import TargetCrops
from pipeline.training.scoped import ScopedObjectives
from pipeline.training.selection import SelectionSettings, criterion, joined_facts
from pipeline.training.settings import BatchSettings
from tests.unit.training.make_parts import (
    are_equal,
    make_batch,
    make_crops,
    make_model,
    make_player,
    make_side,
    weights,
)

NAMES = ("a", "b")
STEPS = 3
WAYS = [("joint", True), ("two_stage", True), ("mt_mtda", True), ("joint", False)]


def make_task(mode="joint", *, names=NAMES, beta=0.5, learns=True, terms=None):
    """Return one student with a teacher for each name; the terms of a target have centroids of their own."""
    model = make_model(2)
    own = {name: make_terms(terms or MULTI_TARGET_STUDENT_TERMS[mode], 60 + i) for i, name in enumerate(names)}
    extras = nn.ModuleDict({name: objectives.modules() for name, objectives in own.items()})
    student = make_player(model=model, extras=extras, total_steps=10 * len(names))
    rounds = multi_target_rounds(mode, 2, teacher_learns=learns)
    pairs = {
        name: ProgressiveTask(
            teacher=make_teacher(mode, i, learns=learns),
            student=Side(player=student, frozen=None, objectives=objectives),
            phase=rounds[0].phase, device=torch.device("cpu"), total_steps=10,
        )
        for i, (name, objectives) in enumerate(own.items())
    }  # fmt: skip
    for pair in pairs.values():
        pair.beta = beta
    return MultiTargetTask(pairs)


def make_terms(terms, seed) -> ScopedObjectives:
    return make_side(terms, seed).objectives


def make_teacher(mode, seed, *, learns):
    return make_side(MULTI_TARGET_TEACHER_TERMS[mode] if learns else {}, 10 + seed, learns=learns)


def make_step(seed=0, names=NAMES):
    batches = {name: make_batch(10 * seed + i + 1) for i, name in enumerate(names)}
    return {"source": make_batch(10 * seed), **batches}


@pytest.mark.parametrize("mode", ["joint", "mt_mtda"])
def test_with_one_target_it_is_the_progressive_step(mode):
    several, single = make_task(mode, names=("a",)), make_task(mode, names=("a",)).pairs["a"]
    for step in range(3):
        batches = make_step(step, ("a",))
        one = several.step(batches, step)
        other = single.step({"source": batches["source"], "target": batches["a"]}, step)
        assert torch.equal(one.total, other.total)
        assert set(one.parts) == {f"a.{name}" for name in other.parts}
    assert are_equal(weights(several.student.player.module.model), weights(single.student.player.module.model))


@pytest.mark.parametrize("mode", ["joint", "mt_mtda"])
def test_each_teacher_moves_before_the_student_hears_it_and_nobody_else(mode):
    task = make_task(mode)
    order = []
    for name, side in task.sides.items():
        original = side.player.learn

        def learn(*given, name=name, original=original, **more):
            order.append(name)
            return original(*given, **more)

        side.player.learn = learn
    heard = []
    said = ScopedObjectives.__call__

    def listen(self, seen, teacher, whole):
        if teacher:
            heard.append(teacher["target"].embedding)
        return said(self, seen, teacher, whole)

    batches = make_step()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ScopedObjectives, "__call__", listen)
        task.step(batches, 0)
    assert order == ["teacher.a", "student", "teacher.b", "student"]
    for name, answer in zip(NAMES, heard, strict=True):
        speaker = task.pairs[name].teacher.speaker(task.pairs[name].phase).eval()
        with torch.no_grad():
            assert torch.equal(answer, speaker(batches[name].images).embedding)


@pytest.mark.parametrize("mode", ["joint", "mt_mtda"])
@pytest.mark.parametrize(("beta", "resting"), [(0.0, {"student"}), (1.0, {"teacher.a", "teacher.b"})])
def test_at_the_ends_of_beta_one_side_rests(mode, beta, resting):
    task = make_task(mode, beta=beta)
    before = {name: parameters(side) for name, side in task.sides.items()}
    for step in range(3):
        task.step(make_step(step), step)
    moved = {name for name, side in task.sides.items() if not are_equal(before[name], parameters(side))}
    assert moved == set(task.sides) - resting


def parameters(side):
    return {name: value.detach().clone() for name, value in side.player.model.named_parameters()}


def test_no_teacher_gets_a_gradient_from_the_student_or_from_another_target():
    task = make_task("mt_mtda")
    task.step(make_step(), 0)
    first, second = (task.pairs[name] for name in NAMES)
    moved = weights(first.teacher.player.module)
    for pair in (first, second):
        pair.teacher.player.optimizer.zero_grad(set_to_none=True)
    batches = make_step(1)
    second.step({"source": batches["source"], "target": batches["b"]}, 1)
    assert are_equal(moved, weights(first.teacher.player.module))
    assert all(p.grad is None for p in first.teacher.player.module.parameters())


def test_discriminators_of_other_targets_rest_in_a_target_s_turn():
    task = make_task("mt_mtda")
    task.step(make_step(), 0)
    extras = task.student.player.extras
    before = {name: weights(extras[name]) for name in NAMES}
    batches = make_step(1)
    task.pairs["b"].step({"source": batches["source"], "target": batches["b"]}, 1)
    assert are_equal(before["a"], weights(extras["a"]))
    assert not are_equal(before["b"], weights(extras["b"]))


def test_frozen_teachers_stay_as_they_are():
    task = make_task(learns=False)
    before = {name: weights(pair.teacher.frozen) for name, pair in task.pairs.items()}
    parts = task.step(make_step(), 0).parts
    assert all(are_equal(before[name], weights(pair.teacher.frozen)) for name, pair in task.pairs.items())
    assert {name.split(".")[1] for name in parts} == {"student"}
    assert all(not now.phase.is_progressive for now in multi_target_rounds("joint", 2, teacher_learns=False))


@pytest.mark.parametrize("mode", MULTI_TARGET_MODES)
@pytest.mark.parametrize("learns", [True, False])
def test_every_network_gets_the_same_number_of_rounds(mode, learns):
    rounds = multi_target_rounds(mode, 3, teacher_learns=learns)
    assert [now.number for now in rounds] == list(range(len(rounds)))
    assert sum(now.phase.student_learns for now in rounds) == 3
    assert sum(now.phase.teacher_learns for now in rounds) == (3 if learns else 0)
    assert set(MULTI_TARGET_MODES) == set(MULTI_TARGET_BETA) == set(MULTI_TARGET_TEACHER_TERMS)


def test_the_published_terms_and_shares():
    beta = MULTI_TARGET_BETA["mt_mtda"]
    assert (beta.start, beta.end) == (0.1, 0.5)
    student = make_side(MULTI_TARGET_STUDENT_TERMS["mt_mtda"]).objectives
    shares = {(term.name, domain): term.weight for term in student.terms for domain in term.on}
    assert shares == {
        ("cross_entropy", "source"): 0.5, ("kd_source", "source"): 0.5, ("kd_target", "target"): 1.0,
        ("gradient_reversal", "across"): 0.5,
    }  # fmt: skip
    assert [t.objective.temperature for t in student.terms if t.name.startswith("kd")] == [20.0, 20.0]
    teacher = make_side(MULTI_TARGET_TEACHER_TERMS["mt_mtda"]).objectives
    assert {term.name: term.weight for term in teacher.terms} == {"cross_entropy": 1.0, "gradient_reversal": 0.5}


def make_adaptation(mode, hooks, *, learns=True, log=lambda row: None, across="mean"):
    rounds = multi_target_rounds(mode, 2, teacher_learns=learns)
    batch = BatchSettings(identities=2, instances=2)
    plan = Plan(
        schedule=rounds, steps=STEPS, source_batch=batch, target_batch=batch, beta=MULTI_TARGET_BETA[mode],
        clustering=ClusteringSettings(k1=4, k2=1, eps=0.7, min_samples=2), selection=SelectionSettings(), seed=3,
        across=across,
    )  # fmt: skip
    targets = {name: TargetCrops(make_crops(labelled=False, seed=i + 1), ("1", "2")) for i, name in enumerate(NAMES)}
    return Adaptation(
        task=make_task(mode, learns=learns), domains=MultiTargetDomains(make_crops(), targets, num_identities=4),
        plan=plan, precision=Precision(), log=log, hooks=hooks,
    )  # fmt: skip


def no_hooks(memory):
    return LoopHooks(log=lambda row: None, save=lambda step: None)


class Killed(Exception):  # noqa: N818 - stands for a signal
    """The process is gone."""


@pytest.mark.parametrize(
    ("mode", "learns"), [("joint", True), ("two_stage", True), ("mt_mtda", True), ("joint", False)]
)
@pytest.mark.parametrize("after", [1, 5])
def test_resuming_inside_a_round_changes_no_bit(mode, learns, after):
    whole = make_adaptation(mode, no_hooks, learns=learns)
    expected = whole.run(MultiTargetMemory())
    left = {}

    def hooks(memory):
        def save(step):
            left.update({name: value.clone() for name, value in killed.task.state().items()})
            left.update({f"memory.{name}": value.clone() for name, value in memory.tensors().items()})
            raise Killed

        return LoopHooks(log=lambda row: None, save=save, save_every_steps=after)

    killed = make_adaptation(mode, hooks, learns=learns)
    with pytest.raises(Killed):
        killed.run(MultiTargetMemory())
    again = make_adaptation(mode, no_hooks, learns=learns)
    again.task.load_state(left)
    kept = {name.removeprefix("memory."): value for name, value in left.items() if name.startswith("memory.")}
    memory = again.run(MultiTargetMemory.of(kept), start=after)
    for name, side in whole.task.sides.items():
        assert are_equal(weights(side.mean), weights(again.task.sides[name].mean))
    assert are_equal(expected.best, memory.best)
    assert (expected.best_round, expected.best_score) == (memory.best_round, memory.best_score)


@pytest.mark.parametrize("across", ["mean", "worst"])
def test_the_round_is_chosen_by_all_targets(across):
    rows = []
    adaptation = make_adaptation("joint", no_hooks, log=rows.append, across=across)
    memory = adaptation.run(MultiTargetMemory())
    rounds = [row for row in rows if row["event"] == "round"]
    assert [row["round"] for row in rounds] == [0, 1, 2]
    for row in rounds:
        scores = [own["selection"] for own in row["targets"].values()]
        assert row["selection"] == pytest.approx(min(scores) if across == "worst" else sum(scores) / 2)
    assert memory.best_score == max(row["selection"] for row in rounds)
    assert rounds[1]["clusters"] == sum(own["clusters"] for own in rounds[1]["targets"].values()) / 2


def test_criterion_and_facts_of_one_target_are_its_own():
    assert criterion([0.25], across="mean") == criterion([0.25], across="worst") == 0.25
    assert joined_facts({"target": {"clusters": 3, "agreement": None}}) == {"clusters": 3, "agreement": None}
    several = joined_facts({"a": {"clusters": 3, "agreement": None}, "b": {"clusters": 5, "agreement": 0.5}})
    assert several["clusters"] == 4
    assert "agreement" not in several
    assert several["targets"]["b"]["agreement"] == 0.5


def test_memory_of_several_targets_survives():
    memory = MultiTargetMemory(harmful=1, rollbacks=2)
    memory.of_target("a").labels = np.array([0, -1, 1])
    memory.of_target("b-2").threshold = 0.25
    memory.of_target("b-2").facts = {"round": 3}
    copy = MultiTargetMemory.of(memory.tensors())
    assert np.array_equal(copy.of_target("a").labels, [0, -1, 1])
    assert copy.of_target("b-2") == AdaptationMemory(threshold=0.25, facts={"round": 3})
    assert (copy.harmful, copy.rollbacks, copy.labels) == (1, 2, None)


def test_two_students_are_refused():
    one, other = make_task(), make_task()
    with pytest.raises(AssertionError, match="one student"):
        MultiTargetTask({"a": one.pairs["a"], "b": other.pairs["b"]})


def test_beta_of_the_published_schedule():
    beta: BetaSettings = MULTI_TARGET_BETA["mt_mtda"]
    assert [beta.value(i, of=2) for i in (1, 2)] == pytest.approx([0.1, 0.1 * 5**0.5])
