"""Several frozen teachers that speak as one."""

import pytest
import torch
import torch.nn.functional as F

from pipeline.errors import ConfigError
from pipeline.losses.distillation.kd import kd_loss
from pipeline.losses.distillation.relation import relation_loss
from pipeline.teaching.ensemble import EnsembleTeacher, joined_embeddings, pooled_logits
from tests.references.teaching import mean_opinion
from tests.unit.training.make_parts import make_batch, make_model


def make_logits(members=3, count=5, classes=4):
    generator = torch.Generator().manual_seed(1)
    return [3 * torch.randn(count, classes, generator=generator, dtype=torch.float64) for _ in range(members)]


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_pooled_probabilities_equal_their_loop_twin(temperature):
    logits = make_logits()
    expected = mean_opinion([z.tolist() for z in logits], temperature)
    found = torch.softmax(pooled_logits(logits, temperature=temperature) / temperature, dim=1)
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))


def test_pooled_logits_are_a_geometric_mean_at_every_temperature():
    logits = make_logits()
    pooled = pooled_logits(logits, average="logits")
    for temperature in (1.0, 7.0):
        product = torch.stack([torch.softmax(z / temperature, 1) for z in logits]).log().mean(0).exp()
        torch.testing.assert_close(torch.softmax(pooled / temperature, 1), product / product.sum(1, keepdim=True))


@pytest.mark.parametrize("average", ["probabilities", "logits"])
def test_one_member_speaks_for_itself(average):
    (logits,) = make_logits(1)
    pooled = pooled_logits([logits], average=average)
    assert kd_loss(pooled, logits).item() == pytest.approx(0.0, abs=1e-12)


def test_the_order_of_members_does_not_matter_and_extreme_logits_stay_finite():
    logits = make_logits()
    torch.testing.assert_close(pooled_logits(logits), pooled_logits(logits[::-1]))
    assert torch.isfinite(pooled_logits([torch.tensor([[6e4, -6e4]]), torch.tensor([[-6e4, 6e4]])])).all()


def test_the_cosine_of_joined_embeddings_is_the_mean_cosine():
    generator = torch.Generator().manual_seed(2)
    parts = [torch.randn(6, width, generator=generator) for width in (3, 8)]
    joined = joined_embeddings(parts)
    assert joined.shape == (6, 11)
    cosines = [F.normalize(part, dim=1) @ F.normalize(part, dim=1).T for part in parts]
    torch.testing.assert_close(joined @ joined.T, sum(cosines) / 2)


def test_an_ensemble_answers_as_one_network():
    members = [make_model(seed) for seed in (1, 2)]
    ensemble = EnsembleTeacher(members).eval()
    images = make_batch(0).images
    with torch.no_grad():
        said = ensemble(images)
        alone = [member.eval()(images) for member in members]
    torch.testing.assert_close(
        torch.softmax(said.logits / 4, 1), sum(torch.softmax(one.logits / 4, 1) for one in alone) / 2
    )
    assert said.bn_embedding.shape == (8, ensemble.embedding_width) == (8, 10)
    assert torch.isfinite(relation_loss(alone[0].embedding, said.embedding))
    assert ensemble.shape.width == 10
    assert ensemble.shape.num_classes == 4
    assert not ensemble.shape.maps


def test_maps_and_other_people_are_refused():
    ensemble = EnsembleTeacher([make_model(1), make_model(2)])
    with pytest.raises(ConfigError, match="maps stage1 of 2 teachers"):
        ensemble(make_batch(0).images, taps=("stage1",))
    with pytest.raises(ConfigError, match="the teachers know 4, 7 identities"):
        EnsembleTeacher([make_model(1), make_model(2, classes=7)])
