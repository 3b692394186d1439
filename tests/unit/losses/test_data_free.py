"""What is asked of images that are made of a teacher alone."""

import math

import pytest
import torch

from pipeline.losses.data_free.dafl import activation_loss, information_entropy_loss, one_hot_loss
from pipeline.losses.data_free.deep_inversion import identity_loss, image_length, statistics_loss, total_variation
from pipeline.losses.data_free.zskt import disagreement_loss
from tests.references import data_free as loops


def make_rows(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def make_seen(seed=0, norms=3):
    return [tuple(make_rows(4, seed=seed + 10 * norm + part) for part in range(4)) for norm in range(norms)]


@pytest.mark.parametrize("norms", [1, 3])
def test_statistics_equal_the_loops(norms):
    seen = make_seen(norms=norms)
    expected = loops.statistics_loss([[part.tolist() for part in norm] for norm in seen], 10.0)
    assert float(statistics_loss(seen, first=10.0)) == pytest.approx(expected)


def test_statistics_of_a_known_channel():
    values = torch.tensor([0.0, 2.0, 4.0, 6.0])
    seen = [(values.mean()[None], values.var(correction=0)[None], torch.tensor([1.0]), torch.tensor([4.0]))]
    assert float(statistics_loss(seen, first=1.0)) == pytest.approx(3.0)
    assert float(statistics_loss(seen)) == pytest.approx(30.0)


def test_statistics_as_remembered_cost_nothing_and_have_a_gradient():
    mean = make_rows(4).requires_grad_(True)
    loss = statistics_loss([(mean, mean, mean.detach().clone(), mean.detach().clone())])
    loss.backward()
    assert float(loss.detach()) == 0
    assert torch.isfinite(mean.grad).all()


def test_prototypes_equal_the_loops():
    embedding, weights, labels = make_rows(5, 3), make_rows(4, 3, seed=1), [0, 3, 3, 1, 2]
    found = identity_loss(embedding, embedding @ weights.T, weights, torch.tensor(labels))
    assert float(found) == pytest.approx(loops.prototypes(embedding.tolist(), weights.tolist(), labels))
    # A direction has no length.
    again = identity_loss(7 * embedding, embedding @ weights.T, weights, torch.tensor(labels))
    assert float(again) == pytest.approx(float(found))
    own = weights[torch.tensor(labels)]
    assert float(identity_loss(own, own @ weights.T, weights, torch.tensor(labels))) == pytest.approx(0)


def test_identities_by_cross_entropy():
    rows = torch.tensor([[2.0, 0.0], [0.0, 2.0]])
    found = identity_loss(rows, rows, torch.eye(2), torch.tensor([0, 1]), kind="cross_entropy")
    assert float(found) == pytest.approx(0.126928, abs=1e-6)


@pytest.mark.parametrize("shape", [(2, 3, 4, 3), (1, 1, 2, 2)])
def test_variation_equals_the_loops(shape):
    images = make_rows(*shape)
    assert float(total_variation(images)) == pytest.approx(loops.total_variation(images.tolist()))
    assert float(total_variation(images + 3.0)) == pytest.approx(float(total_variation(images)))


def test_a_plain_image_does_not_vary_and_has_a_gradient():
    images = torch.full((2, 3, 4, 4), 0.5, requires_grad=True)
    loss = total_variation(images)
    loss.backward()
    assert float(loss.detach()) == 0
    assert torch.isfinite(images.grad).all()


def test_terms_of_an_image_do_not_depend_on_how_many_there_are():
    images = make_rows(2, 3, 4, 4)
    for term in (total_variation, image_length):
        assert float(term(torch.cat([images, images]))) == pytest.approx(float(term(images)))
    assert float(image_length(torch.ones(2, 1, 2, 2))) == pytest.approx(2.0)


def test_terms_of_a_generator_equal_the_loops():
    logits, others = 3 * make_rows(6, 5), 2 * make_rows(6, 5, seed=1)
    assert float(one_hot_loss(logits)) == pytest.approx(loops.one_hot(logits.tolist()))
    assert float(information_entropy_loss(logits)) == pytest.approx(loops.information_entropy(logits.tolist()))
    expected = loops.disagreement(others.tolist(), logits.tolist())
    assert float(disagreement_loss(others, logits)) == pytest.approx(expected)


def test_terms_of_a_generator_on_known_logits():
    logits = 2 * torch.eye(2)
    assert float(one_hot_loss(logits)) == pytest.approx(0.126928, abs=1e-6)
    assert float(information_entropy_loss(logits)) == pytest.approx(-0.301030, abs=1e-6)
    found = disagreement_loss(torch.zeros(1, 2), torch.tensor([[2.0, 0.0]]))
    assert float(found) == pytest.approx(-0.327813, abs=1e-6)
    assert float(activation_loss(torch.tensor([[1.0, -3.0]]))) == -2.0


def test_bounds_of_a_generators_terms():
    assert float(information_entropy_loss(torch.zeros(3, 8))) == pytest.approx(-math.log10(8))
    one_person = torch.tensor([[1000.0, 0.0], [1000.0, 0.0]])
    assert float(information_entropy_loss(one_person)) == pytest.approx(0)
    assert float(one_hot_loss(one_person)) == pytest.approx(0)
    assert float(disagreement_loss(one_person, one_person)) == pytest.approx(0)


def test_the_generator_hears_both_networks():
    ours, theirs = (make_rows(2, 3, seed=seed).requires_grad_(True) for seed in (0, 1))
    disagreement_loss(ours, theirs).backward()
    assert ours.grad.abs().sum() > 0
    assert theirs.grad.abs().sum() > 0
