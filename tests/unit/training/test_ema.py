"""The mean network follows parameters and BatchNorm buffers."""

import pytest
import torch
from torch import nn

from pipeline.training.ema import make_average, update_average, updated_decay


def make_network():
    return nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))


def test_early_averages_forget_quickly():
    assert [updated_decay(0.99, step) for step in (0, 8, 90, 10_000)] == pytest.approx([0.1, 0.5, 0.91, 0.99])


def test_average_is_the_weighted_mean_with_buffers():
    model, average = make_network(), make_average(make_network())
    expected = {}
    for name, value in model.state_dict().items():
        mine = average.state_dict()[name]
        expected[name] = 0.75 * mine + 0.25 * value if value.is_floating_point() else value
    model[1].num_batches_tracked.add_(5)
    expected["1.num_batches_tracked"] = torch.tensor(5)
    update_average(average, model, 0.75)
    for name, value in average.state_dict().items():
        torch.testing.assert_close(value, expected[name], msg=name)


def test_decay_zero_copies_and_one_keeps():
    model, average = make_network(), make_average(make_network())
    kept = average[0].weight.clone()
    update_average(average, model, 1.0)
    assert torch.equal(average[0].weight, kept)
    update_average(average, model, 0.0)
    torch.testing.assert_close(average[0].weight, model[0].weight)


def test_average_is_apart_from_the_model_and_takes_no_gradient():
    model = make_network()
    average = make_average(model)
    assert not average.training
    assert not any(parameter.requires_grad for parameter in average.parameters())
    model[0].weight.data.add_(1.0)
    assert not torch.equal(average[0].weight, model[0].weight)


def test_slow_twin():
    model = make_network()
    average = make_average(model)
    value = float(average[0].weight.detach()[0, 0])
    for step in range(20):
        model[0].weight.data[0, 0] = float(step)
        update_average(average, model, updated_decay(0.8, step))
        decay = min(0.8, (1 + step) / (10 + step))
        value = decay * value + (1 - decay) * step
    assert float(average[0].weight[0, 0]) == pytest.approx(value, rel=1e-5)
