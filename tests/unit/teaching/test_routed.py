"""A frozen teacher that goes along its states."""

import pytest
import torch
from torch import nn

from pipeline.errors import TrainingError
from pipeline.teaching.routed import RoutedTeacher


def make_states(count=3):
    states = []
    for seed in range(count):
        torch.manual_seed(seed)
        network = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
        network[1].running_mean.fill_(seed)
        states.append({name: value.clone() for name, value in network.state_dict().items()})
    return states


def make_route(count=3, **settings):
    network, states = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)), make_states(count)
    network.load_state_dict(states[-1])
    chosen = {"starts": [0, 4, 6], "anchors": [1, 2, 3], **settings}
    return network, RoutedTeacher(network, states, **chosen)


def test_each_step_hears_the_state_of_its_segment_with_its_buffers():
    network, route = make_route()
    heard = []
    for step in range(8):
        route.enter(step)
        heard.append(float(network[1].running_mean[0]))
    assert heard == [0, 0, 0, 0, 1, 1, 2, 2]


def test_entering_tells_a_change_and_only_then_loads():
    _, route = make_route()
    assert [route.enter(step) for step in (0, 1, 4, 5, 6)] == [True, False, True, False, True]


def test_the_end_of_the_way_is_the_last_state():
    network, route = make_route()
    route.enter(0)
    route.arrive()
    assert torch.equal(network[0].weight, route.states[-1]["0.weight"])


def test_a_moved_anchor_stops_the_route():
    network, route = make_route()
    route.enter(0)
    with torch.no_grad():
        network[1].running_mean.add_(1.0)
    with pytest.raises(TrainingError, match=r"anchor 1 of the route changed during the stage \(1.running_mean\)"):
        route.enter(4)


def test_greedy_routes_choose_after_each_budget_and_end_in_time():
    _, route = make_route(4, starts=[0], anchors=[1], budget=5, segments=3, delta=1.5)
    assert [step for step in range(11) if route.is_due(step)] == [5]
    assert route.choose(5, [0.1, 0.2, 0.3, 0.4]) == 2
    assert [step for step in range(6, 16) if route.is_due(step)] == [10]
    assert route.choose(10, [9.0, 0.1, 9.0, 9.0]) == 4  # the last segment belongs to the last state
    assert (route.starts, route.anchors) == ([0, 5, 10], [1, 2, 4])
    assert not any(route.is_due(step) for step in range(30))


def test_chosen_anchors_survive_a_resume():
    _, route = make_route(4, starts=[0], anchors=[1], budget=5, segments=3)
    route.choose(5, [0.1, 0.15, 0.2, 0.9])
    _, other = make_route(4, starts=[0], anchors=[1], budget=5, segments=3)
    other.load_state(route.state())
    assert (other.starts, other.anchors) == ([0, 5], [1, 3])
