"""How hard each state of a teacher is for a student."""

import pytest
import torch

from pipeline.teaching.routed import RoutedTeacher
from pipeline.training.hardness import hardness_row
from tests.references.teaching import kl, softmax
from tests.unit.training.make_parts import are_equal, make_crops, make_model, weights


def answers(model, crops):
    images = crops.collect([(i, 0) for i in range(len(crops))], is_augmented=False).images
    with torch.no_grad():
        return [softmax(row) for row in model.eval()(images).logits.double().tolist()]


def make_sharp_model(seed):
    model = make_model(seed)
    with torch.no_grad():
        model.neck.classifier.weight.mul_(1000.0)
    return model


def test_hardness_is_the_mean_distance_of_each_state_and_moves_nobody():
    crops, student = make_crops(labelled=False), make_sharp_model(9)
    teachers = [make_sharp_model(seed) for seed in range(3)]
    network = make_model(5).requires_grad_(False)
    route = RoutedTeacher(network, [weights(t) for t in teachers], starts=[0], anchors=[1], budget=4, segments=3)
    route.enter(0)
    student.train()
    before, loaded = weights(student), weights(network)
    row = hardness_row(student, route, crops, batch=10)
    said = answers(make_copy(student), crops)
    expected = [
        sum(kl(theirs, ours) for theirs, ours in zip(answers(t, crops), said, strict=True)) / len(crops)
        for t in teachers
    ]
    assert row == pytest.approx(expected, rel=1e-4)
    assert student.training
    assert are_equal(before, weights(student))
    assert are_equal(loaded, weights(network))


def make_copy(model):
    copy = make_model(0)
    copy.load_state_dict(model.state_dict())
    return copy
