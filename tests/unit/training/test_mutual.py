"""Mutual learning: golden values, loop twin, who is heard when, the order of students, and what survives a kill."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from pipeline import build
from pipeline.losses.distillation.kd import KD, kd_loss
from pipeline.training.mutual import MutualTask, Peer, detached
from pipeline.training.mutual_config import hearing
from pipeline.types import Taps
from tests.references.mutual import cross_entropy_form, heard_of_the_others
from tests.unit.training.make_parts import are_equal, make_batches, make_model, make_player, weights

KD_ALONE = {"kd": {"temperature": 1.0}}
TERMS = {"cross_entropy": {}, "triplet": {"weight": 0.5}, **KD_ALONE}


def make_peers(seeds, terms, **settings):
    models = [make_model(seed) for seed in seeds]
    for model in models:
        # Fresh heads hardly differ.
        model.neck.classifier.weight.data.mul_(1000)
    listening = hearing(terms)
    peers = []
    for i, model in enumerate(models):
        own = {name: arguments for name, arguments in terms.items() if name not in listening}
        alone = build.objectives(own, student=model.shape, teacher=None)
        hears = {
            j: build.objectives({n: terms[n] for n in listening}, student=model.shape, teacher=other.shape)
            for j, other in enumerate(models)
            if j != i
        }
        extras = nn.ModuleDict({str(j): objectives.modules() for j, objectives in hears.items()})
        peers.append(Peer(make_player(model=model, extras=extras, taps=("stage1",), **settings), alone, hears))
    return peers


def make_task(*seeds, terms=TERMS, **settings):
    return MutualTask(make_peers(seeds, terms, **settings), device=torch.device("cpu"), total_steps=10)


def models_of(task):
    return [peer.player.model for peer in task.peers]


def test_golden_values_of_both_forms():
    first, second = torch.tensor([[2.0, 0.0]], requires_grad=True), torch.tensor([[0.0, 0.0]])
    value = KD(temperature=1.0)(Taps(first, first, first), Taps(second, second, second), make_batches()["target"])
    assert value.item() == pytest.approx(0.433781, abs=1e-6)
    assert heard_of_the_others([[[2.0, 0.0]], [[0.0, 0.0]]], 0) == pytest.approx(0.433781, abs=1e-6)
    # Without the entropy of what is heard the value is another one, and the gradient the same.
    other_form = F.cross_entropy(first, second.softmax(1))
    assert other_form.item() == pytest.approx(1.126928, abs=1e-6)
    assert cross_entropy_form([[[2.0, 0.0]], [[0.0, 0.0]]], 0) == pytest.approx(1.126928, abs=1e-6)
    (ours,), (theirs,) = (torch.autograd.grad(loss, first) for loss in (value, other_form))
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("seeds", [(1, 2), (1, 2, 3)])
def test_what_is_heard_equals_the_loop_twin(seeds):
    task, batches = make_task(*seeds, terms=KD_ALONE), make_batches(target_labels=False)
    twins = [copy.deepcopy(model).train() for model in models_of(task)]
    parts = task.step(batches, 0).parts
    for domain, batch in batches.items():
        with torch.no_grad():
            logits = [twin(batch.images).logits.tolist() for twin in twins]
        for i in range(len(seeds)):
            expected = heard_of_the_others(logits, i)
            assert parts[f"student_{i + 1}.{domain}.kd"].item() == pytest.approx(expected, rel=1e-4)


def test_all_answer_before_anybody_learns():
    task, events = make_task(1, 2), []
    for number, peer in enumerate(task.peers):
        for what in ("forward", "learn"):
            original = getattr(peer.player, what)

            def told(*args, _event=(what, number), _do=original, **more):
                events.append(_event)
                return _do(*args, **more)

            setattr(peer.player, what, told)
    task.step(make_batches(target_labels=False), 0)
    assert events == [("forward", 0), ("forward", 1), ("learn", 0), ("learn", 1)]


def test_students_are_alike_in_rights_and_no_gradient_crosses():
    one, other, batches = make_task(1, 2), make_task(2, 1), make_batches(target_labels=False)
    alone = make_task(1, 2)
    pixels = {name: batch.images for name, batch in batches.items()}
    said = make_task(1, 2).peers[1].player.forward(pixels)
    for step in range(2):
        one.step(batches, step)
        other.step(batches, step)
    for ours, theirs in zip(models_of(one), reversed(models_of(other)), strict=True):
        assert are_equal(weights(ours), weights(theirs))
    # The first step of a student is that on fixed answers of the other.
    first = alone.peers[0]
    own = first.player.forward(pixels)
    heard = [kd_loss(own[name].logits, said[name].logits, temperature=1.0) for name in own]
    loss = first.alone(own, {}, batches).total + sum(heard)
    first.player.learn(loss, own)
    fresh = make_task(1, 2)
    fresh.step(batches, 0)
    assert are_equal(weights(models_of(fresh)[0]), weights(models_of(alone)[0]))


def test_students_that_are_alike_have_nothing_to_tell_each_other():
    parts = make_task(4, 4).step(make_batches(target_labels=False), 0).parts
    assert {name for name in parts if name.endswith("kd")} == {
        f"student_{i}.{domain}.kd" for i in (1, 2) for domain in ("source", "target")
    }
    assert all(abs(value.item()) < 1e-6 for name, value in parts.items() if name.endswith("kd"))


def test_answers_are_handed_on_without_a_gradient():
    rows = torch.ones(2, 3, requires_grad=True)
    taps = detached(Taps(rows * 2, rows * 3, rows * 4, {"stage1": rows * 5}))
    assert not any(
        value.requires_grad for value in (taps.embedding, taps.bn_embedding, taps.logits, taps.maps["stage1"])
    )
    assert detached(Taps(rows, rows)).logits is None


def test_maps_can_be_heard_through_connectors_that_learn():
    terms = {"cross_entropy": {}, "fitnets": {"layers": ["stage1"], "on": ["target"]}}
    task = make_task(1, 2, 3, terms=terms)
    before = weights(task.peers[0].player.module)
    assert sum("regressors" in name for name in before) == 2
    parts = task.step(make_batches(target_labels=False), 0).parts
    assert parts["student_3.target.fitnets"] > 0
    after = weights(task.peers[0].player.module)
    assert all(not torch.equal(before[name], after[name]) for name in before if "regressors" in name)


def test_a_resumed_task_goes_on_bit_for_bit():
    task, batches = make_task(1, 2, 3), make_batches(target_labels=False)
    task.step(batches, 0)
    state = {name: value.clone() for name, value in task.state().items()}
    task.step(batches, 1)
    other = make_task(7, 8, 9)
    other.load_state(state)
    other.step(batches, 1)
    assert all(are_equal(weights(a), weights(b)) for a, b in zip(models_of(task), models_of(other), strict=True))
