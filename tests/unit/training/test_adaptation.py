"""The rounds: resumed anywhere they give the same networks; collapse and harm are survived."""

import numpy as np
import pytest
import torch

from pipeline.training import target_rounds as module
from pipeline.training.adaptation import Adaptation, Domains, Plan
from pipeline.training.beta import BetaSettings
from pipeline.training.clustering_settings import ClusteringSettings
from pipeline.training.loop import LoopHooks
from pipeline.training.memory import AdaptationMemory
from pipeline.training.mode_defaults import STUDENT_TERMS, TEACHER_TERMS
from pipeline.training.phases import rounds_of
from pipeline.training.precision import Precision
from pipeline.training.progress import Progress
from pipeline.training.progressive import ProgressiveTask
from pipeline.training.relabel import TargetCrops, class_means
from pipeline.training.selection import SelectionSettings
from pipeline.training.settings import BatchSettings
from tests.unit.training.make_parts import are_equal, make_crops, make_side, weights

STEPS = 3
EXTRA = {
    "proxy": {**STUDENT_TERMS["joint"], "proxy_contrast": {}},
    "moving": {**STUDENT_TERMS["joint"], "centroid_contrast": {"momentum": 0.5, "soft_weight": 0.5}},
    "reversal": {**STUDENT_TERMS["joint"], "gradient_reversal": {}, "dmmd": {}},
}


class Killed(Exception):  # noqa: N818 - stands for a signal
    """The process is gone."""


def make_adaptation(mode, log, *, hooks, terms=None, rounds=2, **clustering):
    schedule = rounds_of(mode, rounds)
    frozen = not any(now.phase.teacher_learns for now in schedule)
    task = ProgressiveTask(
        teacher=make_side(TEACHER_TERMS[mode], 1, learns=not frozen),
        student=make_side(terms or STUDENT_TERMS[mode], 2),
        phase=schedule[0].phase, device=torch.device("cpu"), total_steps=len(schedule) * STEPS,
    )  # fmt: skip
    batch = BatchSettings(identities=2, instances=2)
    plan = Plan(
        schedule=schedule, steps=STEPS, source_batch=batch, target_batch=batch, beta=BetaSettings(),
        clustering=ClusteringSettings(**{"k1": 4, "k2": 1, "eps": 0.7, "min_samples": 2, **clustering}),
        selection=SelectionSettings(), seed=3,
    )  # fmt: skip
    domains = Domains(make_crops(), TargetCrops(make_crops(labelled=False, seed=1), ("1", "2")), num_identities=4)
    return Adaptation(task=task, domains=domains, plan=plan, precision=Precision(), log=log, hooks=hooks)


def no_hooks(memory):
    return LoopHooks(log=lambda row: None, save=lambda step: None)


def run_whole(mode, **more):
    adaptation = make_adaptation(mode, lambda row: None, hooks=no_hooks, **more)
    return adaptation.task, adaptation.run(AdaptationMemory())


def test_progress_has_the_name_of_the_stage(monkeypatch):
    titles = []

    def told(title, **more):
        titles.append(title)
        return Progress(title, **more)

    monkeypatch.setattr("pipeline.training.adaptation.Progress", told)
    adaptation = make_adaptation("kd_only", lambda row: None, hooks=no_hooks, rounds=1)
    adaptation.title = "street"
    adaptation.run(AdaptationMemory())
    assert titles == ["street"]


def run_killed(mode, after, **more):
    """Kill after a number of steps, and go on in new objects from nothing but the tensors that were left."""
    left = {}

    def hooks(memory):
        def save(step):
            left.update({name: value.clone() for name, value in adaptation.task.state().items()})
            left.update({f"memory.{name}": value.clone() for name, value in memory.tensors().items()})
            raise Killed

        return LoopHooks(log=lambda row: None, save=save, save_every_steps=after)

    adaptation = make_adaptation(mode, lambda row: None, hooks=hooks, **more)
    with pytest.raises(Killed):
        adaptation.run(AdaptationMemory())
    second = make_adaptation(mode, lambda row: None, hooks=no_hooks, **more)
    second.task.load_state(left)
    kept = {name.removeprefix("memory."): value for name, value in left.items() if name.startswith("memory.")}
    return second.task, second.run(AdaptationMemory.of(kept), start=after)


def assert_same(one, other):
    (task, memory), (task_again, memory_again) = one, other
    for side in ("teacher", "student"):
        assert are_equal(weights(getattr(task, side).mean), weights(getattr(task_again, side).mean))
    assert are_equal(memory.best, memory_again.best)
    assert (memory.best_round, memory.best_score) == (memory_again.best_round, memory_again.best_score)


@pytest.mark.parametrize("mode", ["joint", "two_stage", "distil_then_adapt", "uda_only", "as_published", "prokt"])
@pytest.mark.parametrize("after", [1, 5])
def test_resuming_inside_a_round_changes_no_bit(mode, after):
    assert_same(run_whole(mode), run_killed(mode, after))


@pytest.mark.parametrize("name", EXTRA)
def test_terms_with_memory_or_weights_of_their_own_are_resumed(name):
    assert_same(run_whole("joint", terms=EXTRA[name]), run_killed("joint", 5, terms=EXTRA[name]))


def test_a_collapse_is_logged_and_the_last_clusters_kept(monkeypatch):
    rows, calls = [], []
    original = module.cluster

    def cluster(views, target, **settings):
        calls.append(settings["eps"])
        return original(views, target, **{**settings, "eps": settings["eps"] if len(calls) == 1 else 1e-4})

    monkeypatch.setattr(module, "cluster", cluster)
    adaptation = make_adaptation("joint", rows.append, hooks=no_hooks, eps_gap=None)
    adaptation.run(AdaptationMemory())
    collapses = [row for row in rows if row["event"] == "collapse"]
    assert [row["round"] for row in collapses] == [1]
    assert collapses[0]["sentence"].endswith("keeping the last round's clusters")
    assert [row["round"] for row in rows if row["event"] == "round"] == [0, 1, 2]


def test_class_means_leave_outliers_out():
    features = np.array([[1.0, 0.0], [3.0, 0.0], [9.0, 9.0], [0.0, 4.0]], np.float32)
    assert class_means(features, np.array([0, 0, -1, 1])).tolist() == [[2.0, 0.0], [0.0, 4.0]]
    assert class_means(features, np.full(4, -1)).shape == (0, 2)
