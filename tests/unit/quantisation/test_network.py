"""Folding and rounding of whole networks; agreement of two networks."""

import numpy as np
import pytest
import torch
from torch import nn

from pipeline.errors import ConfigError
from pipeline.metrics.agreement import nearest_rows, top1_agreement
from pipeline.models.quantisation.folding import fold_batch_norms, folded
from pipeline.models.quantisation.layers import MapQuantiser, QuantisedLayer, RestingNorm
from pipeline.models.quantisation.network import quantised_network, steps_of
from pipeline.models.reid import ReIDModel
from pipeline.types import EmbeddingTable
from tests.references import quantisation as twins


class Block(nn.Module):
    """A convolution with norm and activation beside a shortcut."""

    num_features = 6

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(6)
        self.act = nn.ReLU(inplace=True)
        self.second = nn.Conv2d(6, 6, 3, padding=1)
        self.second_norm = nn.BatchNorm2d(6)
        self.last_act = nn.ReLU(inplace=True)

    def forward(self, images):
        first = self.act(self.norm(self.stem(images)))
        second = self.second_norm(self.second(first))
        second += first
        return self.last_act(second)


class Peeking(Block):
    """Reads a map between convolution and norm."""

    def forward(self, images):
        first = self.stem(images)
        return self.act(self.norm(first)) + first


def make_trained(trunk):
    torch.manual_seed(0)
    for module in trunk.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            module.running_mean.uniform_(-0.3, 0.3)
            module.running_var.uniform_(0.5, 2.0)
    return ReIDModel(trunk, embedding=5, num_classes=4, size=(8, 4)).eval()


def make_pixels(count=6):
    return torch.randint(0, 256, (count, 3, 8, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))


def make_table(features, cameras):
    rows = np.asarray(features, np.float32)
    return EmbeddingTable(rows, np.zeros(len(rows), np.int64), np.asarray(cameras, np.int64), ("x",) * len(rows))


def test_a_folded_norm_is_the_norm():
    layer, norm = nn.Linear(3, 2), nn.BatchNorm1d(2)
    norm.running_mean.copy_(torch.tensor([1.0, -1.0]))
    norm.running_var.copy_(torch.tensor([4.0, 0.25]))
    norm.eval()
    weight, bias = folded(layer.weight, layer.bias, norm)
    values = torch.randn(5, 3)
    assert torch.allclose(nn.functional.linear(values, weight, bias), norm(layer(values)), atol=1e-5)


def test_all_norms_of_a_trunk_are_folded_and_it_answers_as_before():
    trunk = make_trained(Block()).trunk
    images = torch.randn(2, 3, 8, 4)
    before = trunk(images)
    assert fold_batch_norms(trunk, images) == 2
    assert not any(isinstance(module, nn.BatchNorm2d) for module in trunk.modules())
    assert torch.allclose(trunk(images), before, atol=1e-5)


def test_a_norm_whose_map_is_read_elsewhere_is_told():
    with pytest.raises(ConfigError, match="batch norms of Peeking cannot be folded"):
        fold_batch_norms(make_trained(Peeking()).trunk, torch.randn(2, 3, 8, 4))


def test_maps_are_rounded_once_each():
    network = quantised_network(make_trained(Block()), make_pixels())
    stem, second = network.trunk.stem, network.trunk.second
    # The image, both activations, and the sum's summand; after an activation in one pass with it, nothing twice.
    assert (stem.incoming is None, stem.outgoing is None) == (False, True)
    assert (second.incoming is None, second.outgoing is None) == (True, False)
    assert sum(isinstance(module, MapQuantiser) for module in network.modules()) == 5
    assert sum(isinstance(module, QuantisedLayer) for module in network.modules()) == 3
    assert isinstance(network.neck.bn, RestingNorm)


def test_a_rounded_network_says_nearly_the_same_and_the_first_one_is_left_alone():
    model, pixels = make_trained(Block()), make_pixels()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    network = quantised_network(model, pixels)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    near = torch.cosine_similarity(model(pixels).bn_embedding, network(pixels).bn_embedding)
    assert near.min() > 0.98
    for layer in (module for module in network.modules() if isinstance(module, QuantisedLayer)):
        levels = layer.integers()
        assert levels.dtype == torch.int8
        assert int(levels.min()) >= -127


def test_levels_never_leave_eight_bits_and_steps_learn():
    network = quantised_network(make_trained(Block()), make_pixels()).train()
    network.requires_grad_(True)
    network(make_pixels()).logits.square().sum().backward()
    assert all(step.grad is not None for step in steps_of(network))
    quantiser = network.trunk.stem.incoming
    levels = quantiser(torch.linspace(-9, 9, 1000)) / quantiser.step + quantiser.level_of_zero
    assert (levels.round().min(), levels.round().max()) == (0, 255)


def test_a_restored_quantiser_rounds_as_the_first_one():
    first, second = MapQuantiser(), MapQuantiser()
    first.calibrate(torch.tensor([-0.3, 1.0]))
    second.load_state_dict(first.state_dict())
    values = torch.linspace(-1, 2, 50)
    assert torch.equal(first(values), second(values))
    assert 0 < second.level_of_zero < 255


def test_norms_that_stay_keep_their_statistics():
    network = quantised_network(make_trained(Block()), make_pixels()).train()
    before = network.neck.bn.norm.running_mean.clone()
    network(make_pixels())
    assert torch.equal(network.neck.bn.norm.running_mean, before)


def test_nearest_crops_are_those_of_the_loops():
    generator = np.random.default_rng(4)
    query, gallery = generator.normal(size=(7, 3)), generator.normal(size=(9, 3))
    cameras = [0, 1, -1, 2, 0, 1, 2], [0, 0, 1, 1, 2, 2, -1, 0, 1]
    found = nearest_rows(make_table(query, cameras[0]), make_table(gallery, cameras[1]))
    assert found.tolist() == twins.nearest(query.tolist(), cameras[0], gallery.tolist(), cameras[1])


def test_queries_without_a_crop_of_another_camera_do_not_count():
    gallery = make_table([[1.0, 0.0], [0.0, 1.0]], [0, 0])
    found = nearest_rows(make_table([[1.0, 0.0], [1.0, 0.0]], [0, 1]), gallery)
    assert found.tolist() == [-1, 0]
    assert top1_agreement(found, np.array([1, 1])) == 0.0
    assert top1_agreement(found, np.array([1, 0])) == 1.0
    assert np.isnan(top1_agreement(np.array([-1]), np.array([0])))
