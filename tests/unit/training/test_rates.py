"""Schedules of the learning rate, SGD, and the settings that choose them."""

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from pipeline.training.optim import build_sgd, load_optimizer_tensors, optimizer_tensors, warmup_cosine
from pipeline.training.rates import RateSchedule
from pipeline.training.settings import AugmentSettings, OptimizerSettings
from tests.unit.training.make_parts import are_equal, make_batches, make_player, weights


@pytest.mark.parametrize("warmup", [0, 4])
def test_the_default_is_the_cosine_to_the_last_bit(warmup):
    schedule = RateSchedule()
    assert all(
        schedule.factor(step, total=20, warmup=warmup) == warmup_cosine(step, total=20, warmup=warmup)
        for step in range(21)
    )


@pytest.mark.parametrize("length", [1, 7, 782])
def test_steps_fall_where_the_papers_epochs_begin(length):
    schedule = RateSchedule("steps", (150 / 240, 180 / 240, 210 / 240))
    epochs = {149: 1.0, 150: 0.1, 179: 0.1, 180: 0.01, 209: 0.01, 210: 0.001, 239: 0.001}
    for epoch, factor in epochs.items():
        for step in (epoch * length, (epoch + 1) * length - 1):
            assert schedule.factor(step, total=240 * length, warmup=0) == pytest.approx(factor)


def test_annealed_has_its_published_values():
    schedule = RateSchedule("annealed")
    assert schedule.factor(0, total=401, warmup=0) == 1.0
    # base 1e-3 at epochs 201 and 400 of 400
    assert schedule.factor(200, total=401, warmup=0) == pytest.approx(0.2612547, abs=1e-6)
    assert schedule.factor(399, total=401, warmup=0) == pytest.approx(0.1661253, abs=1e-6)


@pytest.mark.parametrize("shape", ["cosine", "steps", "constant", "annealed"])
def test_every_schedule_warms_up_and_never_leaves_its_range(shape):
    schedule = RateSchedule(shape, (0.5,) if shape == "steps" else ())
    values = [schedule.factor(step, total=10, warmup=3) for step in range(10)]
    assert values[:3] == pytest.approx([0.25, 0.5, 0.75])
    assert all(0 < value <= 1 for value in values)
    assert values[3:] == sorted(values[3:], reverse=True)


def test_sgd_decays_everything_and_takes_the_plain_step():
    module = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    optimizer = build_sgd(module, lr=0.1, weight_decay=0.5, momentum=0.9, nesterov=False)
    assert [len(group["params"]) for group in optimizer.param_groups] == [4]
    before = module[1].weight.detach().clone()
    for parameter in module.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    assert torch.allclose(module[1].weight, before - 0.1 * (1 + 0.5 * before))


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd_state_survives_a_round_trip(momentum):
    modules = [nn.Linear(3, 2), nn.Linear(3, 2)]
    optimizers = [build_sgd(m, lr=0.1, weight_decay=0.1, momentum=momentum, nesterov=False) for m in modules]
    rows = torch.randn(4, 3, generator=torch.Generator().manual_seed(1))

    def step(number: int) -> None:
        optimizers[number].zero_grad()
        modules[number](rows).pow(2).sum().backward()
        optimizers[number].step()

    for _ in range(3):
        step(0)
    modules[1].load_state_dict(modules[0].state_dict())
    load_optimizer_tensors(optimizers[1], optimizer_tensors(optimizers[0]))
    for number in (0, 1):
        step(number)
    assert torch.equal(modules[0].weight, modules[1].weight)


def test_a_player_with_sgd_goes_on_where_it_stopped():
    settings = OptimizerSettings(kind="sgd", lr=0.05, nesterov=True, ema=0).player(total_steps=10)
    players = [make_player(seed, **settings) for seed in (0, 1)]
    images = {"source": make_batches()["source"].images}

    def step(player) -> None:
        said = player.forward(images)
        player.learn(said["source"].embedding.square().mean(), said)

    for _ in range(2):
        step(players[0])
    players[1].load_state(players[0].state())
    for player in players:
        step(player)
    assert are_equal(weights(players[0].model), weights(players[1].model))
    # Without a mean there is only the network itself.
    assert are_equal(weights(players[0].model), weights(players[0].mean))


def test_defaults_are_those_of_before():
    settings = OptimizerSettings().player(total_steps=100)
    assert settings["sgd"] is None
    assert settings["schedule"] == RateSchedule("cosine", (), 0.1)
    assert OptimizerSettings.model_validate_json(OptimizerSettings().model_dump_json()) == OptimizerSettings()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"momentum": 0.9}, "belong to kind sgd"),
        ({"nesterov": True}, "belong to kind sgd"),
        ({"kind": "sgd", "nesterov": True, "momentum": 0.0}, "needs a momentum"),
        ({"milestones": (0.5,)}, "belong to schedule steps"),
        ({"schedule": "steps"}, "needs at least one"),
        ({"schedule": "steps", "milestones": (0.7, 0.5)}, "ascending"),
        ({"schedule": "steps", "milestones": (150.0,)}, "shares of all updates"),
    ],
)
def test_what_does_nothing_is_refused(settings, words):
    with pytest.raises(ValidationError, match=words):
        OptimizerSettings(**settings)


@pytest.mark.parametrize("settings", [{"magnitude": 5}, {"policy": "autoaugment", "operations": 2}])
def test_a_magnitude_without_its_policy_is_refused(settings):
    with pytest.raises(ValidationError, match="belong to policy randaugment"):
        AugmentSettings(**settings)
