"""Batch-norm statistics of other images."""

import torch
from torch import nn

from pipeline.models.batch_statistics import with_statistics_of


def make_net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.ReLU(), nn.InstanceNorm2d(4)).eval()


def test_statistics_are_the_plain_mean_over_the_batches():
    net = make_net()
    batches = [torch.randn(6, 3, 5, 5) * 3 + 2 for _ in range(4)]
    adapted = with_statistics_of(net, ((b,) for b in batches))
    seen = [net[0](b).transpose(0, 1).flatten(1) for b in batches]
    torch.testing.assert_close(adapted[1].running_mean, torch.stack([s.mean(1) for s in seen]).mean(0))
    torch.testing.assert_close(adapted[1].running_var, torch.stack([s.var(1) for s in seen]).mean(0))


def test_nothing_else_changes():
    net = make_net()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    adapted = with_statistics_of(net, [(torch.randn(4, 3, 5, 5),)])
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    for name, value in adapted.named_parameters():
        assert torch.equal(before[name], value)
    assert adapted[1].momentum == net[1].momentum
    assert not any(module.training for module in adapted.modules())


def test_a_network_without_batch_norm_is_copied():
    net = nn.Conv2d(3, 4, 1)
    adapted = with_statistics_of(net, [(torch.randn(4, 3, 5, 5),)])
    assert adapted is not net
    assert torch.equal(adapted.weight, net.weight)


def test_a_norm_that_is_not_reached_keeps_what_it_had():
    net = make_net()
    net.add_module("aside", nn.Identity())
    net.aside.norm = nn.BatchNorm2d(4)
    net.aside.norm.running_mean += 7.0
    adapted = with_statistics_of(net, [(torch.randn(4, 3, 5, 5),)])
    assert torch.equal(adapted.aside.norm.running_mean, torch.full((4,), 7.0))
