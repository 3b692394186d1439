"""One network that learns: its step, its mean, its state."""

import pytest
import torch
from torch import nn

from pipeline.errors import CheckpointError, TrainingError
from pipeline.training.ema import updated_decay
from pipeline.training.learner import check_finite
from tests.unit.training.make_parts import are_equal, make_batch, make_model, make_player, weights


def learn(player, seed, *, weight=1.0):
    batch = make_batch(seed)
    said = player.forward({"source": batch.images})
    loss = nn.functional.cross_entropy(said["source"].logits, batch.labels)
    return player.learn(loss, said, weight=weight)


def test_a_step_moves_the_network_and_its_mean_by_the_early_decay():
    player = make_player()
    before, mean = weights(player.model), weights(player.mean)
    learn(player, 1)
    after = weights(player.model)
    assert not are_equal(before, after)
    decay = updated_decay(0.9, 0)
    for name, value in weights(player.mean).items():
        if value.is_floating_point():
            torch.testing.assert_close(value, decay * mean[name] + (1 - decay) * after[name], msg=name)


def test_rate_follows_the_schedule_and_the_weight():
    rates = [learn(make_player(), 1, weight=weight) for weight in (1.0, 0.5)]
    assert rates == pytest.approx([0.05 / 3, 0.025 / 3])
    player = make_player()
    assert [learn(player, step) for step in range(3)] == pytest.approx([0.05 / 3, 0.1 / 3, 0.05])


def test_weight_zero_leaves_parameters_but_counts():
    player = make_player()
    before = {name: p.detach().clone() for name, p in player.model.named_parameters()}
    learn(player, 1, weight=0.0)
    assert all(torch.equal(before[name], p) for name, p in player.model.named_parameters())
    assert player.updates == 1


def test_clipping_bounds_the_gradient():
    player = make_player(clip=1e-3)
    learn(player, 1)
    norm = sum(float(p.grad.pow(2).sum()) for p in player.module.parameters() if p.grad is not None) ** 0.5
    assert norm == pytest.approx(1e-3, rel=1e-2)


def test_state_survives_a_round_trip_in_the_middle():
    whole, first = make_player(), make_player()
    for step in range(6):
        learn(whole, step)
    for step in range(3):
        learn(first, step)
    state = {name: value.clone() for name, value in first.state().items()}
    second = make_player(seed=99)
    second.load_state(state)
    for step in range(3, 6):
        learn(second, step)
    assert second.updates == 6
    assert are_equal(weights(whole.model), weights(second.model))
    assert are_equal(weights(whole.mean), weights(second.mean))


def test_state_of_another_network_is_refused():
    with pytest.raises(CheckpointError, match="the resume point does not fit the network"):
        make_player(model=make_model(classes=7)).load_state(make_player().state())


def test_terms_that_are_not_finite_stop_with_all_of_them():
    terms = {"kd": torch.tensor(float("nan")), "mmd": torch.tensor(0.25)}
    with pytest.raises(TrainingError, match=r"not finite at step 7: kd nan, mmd 0\.25; expected finite terms\. Lower"):
        check_finite(terms, step=7)
    check_finite({"mmd": torch.tensor(0.0)}, step=7)
