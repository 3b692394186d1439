"""The learning-rate schedule, the optimizer's groups, and its state as tensors."""

import math

import pytest
import torch
from torch import nn

from pipeline.errors import CheckpointError
from pipeline.training.optim import build_optimizer, load_optimizer_tensors, optimizer_tensors, warmup_cosine


def test_schedule_has_its_golden_values():
    values = [warmup_cosine(step, total=10, warmup=4) for step in range(11)]
    cosine = [0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * i / 6)) for i in range(7)]
    assert values == pytest.approx([0.2, 0.4, 0.6, 0.8, *cosine])
    assert values[7] == pytest.approx(0.505)


@pytest.mark.parametrize(("total", "warmup"), [(1, 0), (1, 1), (5, 5), (100, 10)])
def test_schedule_stays_between_its_ends(total, warmup):
    values = [warmup_cosine(step, total=total, warmup=warmup) for step in range(total + 5)]
    assert all(0.01 <= value <= 1.0 for value in values)
    after = values[warmup:]
    assert after == sorted(after, reverse=True)
    assert values[-1] == pytest.approx(0.01)


def test_vectors_are_not_decayed_and_frozen_weights_left_out():
    module = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    module[0].weight.requires_grad_(False)
    optimizer = build_optimizer(module, lr=0.1, weight_decay=0.5)
    assert [(len(g["params"]), g["weight_decay"]) for g in optimizer.param_groups] == [(3, 0.0)]
    module[0].weight.requires_grad_(True)
    optimizer = build_optimizer(module, lr=0.1, weight_decay=0.5)
    assert [(len(g["params"]), g["weight_decay"]) for g in optimizer.param_groups] == [(1, 0.5), (3, 0.0)]


def step(module, optimizer, seed):
    optimizer.zero_grad()
    module(torch.randn(4, 3, generator=torch.Generator().manual_seed(seed))).pow(2).sum().backward()
    optimizer.step()


def test_state_survives_a_round_trip():
    modules = [nn.Linear(3, 2), nn.Linear(3, 2)]
    modules[1].load_state_dict(modules[0].state_dict())
    optimizers = [build_optimizer(module, lr=0.1, weight_decay=0.1) for module in modules]
    for seed in range(3):
        step(modules[0], optimizers[0], seed)
    modules[1].load_state_dict(modules[0].state_dict())
    load_optimizer_tensors(optimizers[1], optimizer_tensors(optimizers[0]))
    for module, optimizer in zip(modules, optimizers, strict=True):
        step(module, optimizer, 9)
    assert torch.equal(modules[0].weight, modules[1].weight)
    assert torch.equal(modules[0].bias, modules[1].bias)


def test_state_of_a_larger_network_is_refused():
    large, small = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)), nn.Linear(2, 2)
    optimizer = build_optimizer(large, lr=0.1, weight_decay=0.0)
    large(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    with pytest.raises(CheckpointError, match="optimizer state for parameter 2 of 2; expected the state of the same"):
        load_optimizer_tensors(build_optimizer(small, lr=0.1, weight_decay=0.0), optimizer_tensors(optimizer))
