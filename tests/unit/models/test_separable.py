"""The trunk of depth-wise separable convolutions: what it costs, its stages, its norms, and what it refuses."""

import pytest
import torch
from torch import nn

from pipeline.errors import ConfigError
from pipeline.models.complexity import count_macs, count_parameters
from pipeline.models.reid import ReIDModel
from pipeline.models.separable import SeparableBlock
from pipeline.models.trunks import build_trunk
from tests.references.trunk_cost import separable_cost

SMALL = {"channels": [16, 24, 32, 40], "layers": [2, 1, 2, 1]}


def test_the_defaults_cost_what_was_published():
    # 4,231,976 parameters and 568,740,352 multiply-adds, less those of the classifier of 1000 classes.
    trunk = build_trunk("separable", last_stride=2)
    published = (4_231_976 - 1_025_000, 568_740_352 - 1_024_000)
    assert (count_parameters(trunk), count_macs(trunk, (224, 224))) == published
    wanted = separable_cost((128, 256, 512, 1024), (2, 2, 6, 2), size=(224, 224), strides=(2, 2, 2, 2))
    assert wanted == published


@pytest.mark.parametrize("args", [SMALL, {"channels": [8, 8, 8, 8], "layers": [1, 3, 1, 2]}])
def test_cost_is_that_of_the_layers_added_up(args):
    trunk = build_trunk("separable", args=args)
    found = count_parameters(trunk), count_macs(trunk, (64, 32))
    assert found == separable_cost(args["channels"], args["layers"], size=(64, 32))


def test_stages_have_the_places_of_those_of_other_trunks():
    model = ReIDModel(build_trunk("separable", args=SMALL), embedding=8, size=(64, 32)).eval()
    maps = model(torch.zeros(2, 3, 64, 32), taps=("stage1", "stage2", "stage3", "stage4", "last")).maps
    assert {name: tuple(one.shape[1:]) for name, one in maps.items()} == {
        "stage1": (16, 16, 8), "stage2": (24, 8, 4), "stage3": (32, 4, 2), "stage4": (40, 4, 2), "last": (40, 4, 2),
    }  # fmt: skip
    assert torch.equal(maps["stage4"], maps["last"])
    assert set(model.shape.blocks) == {"stage1", "stage3"}
    assert build_trunk("separable", args=SMALL, last_stride=2)(torch.zeros(1, 3, 64, 32)).shape[2:] == (2, 1)


def test_a_block_is_each_channel_by_itself_and_then_all_of_them():
    block = SeparableBlock(4, 4, stride=1).eval()
    features = torch.rand(1, 4, 5, 5)
    with torch.no_grad():
        by_itself = [nn.functional.conv2d(features[:, i : i + 1], block.conv1.weight[i : i + 1], padding=1)
                     for i in range(4)]  # fmt: skip
        inner = block.bn2(block.conv2(torch.relu(block.bn1(torch.cat(by_itself, 1)))))
        torch.testing.assert_close(block(features), torch.relu(inner + features))
        other = SeparableBlock(4, 6, stride=2)
        assert not other.has_shortcut
        assert other(features).shape == (1, 6, 3, 3)


@pytest.mark.parametrize("ibn", ["none", "a", "b"])
def test_every_variant_trains_every_parameter(ibn):
    trunk = build_trunk("separable", args=SMALL, ibn=ibn)
    trunk(torch.randn(2, 3, 64, 32)).square().sum().backward()
    assert [name for name, parameter in trunk.named_parameters() if parameter.grad is None] == []
    places = {"none": 0, "a": 5, "b": 3}[ibn]
    assert sum(isinstance(module, nn.InstanceNorm2d) for module in trunk.modules()) == places


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"pretrained": True}, "separable has no weights on the hub"),
        ({"args": {"channels": [8, 8, 8]}}, r"channels \[8, 8, 8\] of separable; expected four positive numbers"),
        ({"args": {"layers": [1, 1, 0, 1]}}, r"layers \[1, 1, 0, 1\] of separable"),
        ({"args": {"width": 2}}, r"separable got arguments \{'width': 2\}"),
        ({"args": {"channels": "wide"}}, "separable got arguments"),
        ({"ibn": "c"}, "ibn is 'c'"),
    ],
)
def test_what_it_does_not_have_is_told(settings, sentence):
    with pytest.raises(ConfigError, match=sentence):
        build_trunk("separable", **settings)
