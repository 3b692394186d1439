"""Multiplied channels and blocks: what becomes of each family, what it costs, and what cannot be multiplied."""

import pytest
import torch

from pipeline import build
from pipeline.config.schema import ModelConfig
from pipeline.errors import ConfigError
from pipeline.models.complexity import count_macs, count_parameters
from pipeline.models.scaling import scaled_args, scaled_channels, scaled_layers, structure_of
from pipeline.models.trunks import build_trunk
from tests.references.trunk_cost import resnet_cost
from tests.smoke.tiny import make_config, make_tree

SIZE = (64, 32)


def test_channels_are_rounded_to_multiples_of_four_and_blocks_up():
    assert scaled_channels([64, 96, 10, 1], 0.25) == (16, 24, 4, 4)
    assert scaled_channels([10, 18], 1.0) == (10, 18)
    assert scaled_channels([10, 64], 1.5) == (16, 96)
    assert scaled_layers([3, 4, 6, 3], 0.5) == (2, 2, 3, 2)
    assert scaled_layers([2, 2, 2, 1], 0.1) == (1, 1, 1, 1)
    assert scaled_layers([30, 2], 0.1) == (3, 1)
    assert scaled_layers([2, 3], 2.0) == (4, 6)


@pytest.mark.parametrize(
    ("arch", "args", "changed"),
    [
        ("timm/resnet18", {}, {"channels": [16, 32, 64, 128], "layers": [1, 1, 1, 1]}),
        ("timm/resnet50.a1_in1k", {}, {"channels": [16, 32, 64, 128], "layers": [2, 2, 3, 2]}),
        ("timm/resnet18", {"channels": [32, 64, 128, 256], "layers": [3, 2, 2, 1], "zero_init_last": False},
         {"channels": [8, 16, 32, 64], "layers": [2, 1, 1, 1]}),
        ("timm/resnet18d", {"channels": [32, 32, 64, 64]},
         {"channels": [8, 8, 16, 16], "layers": [1, 1, 1, 1], "stem_width": 8}),
        ("timm/convnext_atto", {"depths": [2, 2, 4, 2]}, {"dims": [12, 20, 40, 80], "depths": [1, 1, 2, 1]}),
        ("separable", {}, {"channels": [32, 64, 128, 256], "layers": [1, 1, 3, 1]}),
    ],
)  # fmt: skip
def test_what_becomes_of_each_family(arch, args, changed):
    found = scaled_args(arch, args, width=0.25, depth=0.5)
    assert found == {**args, **changed}
    trunk = build_trunk(arch, args=found).eval()
    with torch.no_grad():
        assert trunk(torch.zeros(1, 3, 64, 64)).shape[1] == trunk.num_features
    assert structure_of(arch, found).arguments() == changed


def test_osnet_of_the_published_widths_is_that_of_the_table():
    for factor, name in ((0.75, "osnet_x0_75"), (0.5, "osnet_x0_5"), (0.25, "osnet_x0_25")):
        args = scaled_args("osnet_x1_0", {}, width=factor, depth=1)
        assert build_trunk("osnet_x1_0", args=args).state_dict().keys() == build_trunk(name).state_dict().keys()
        assert count_parameters(build_trunk("osnet_x1_0", args=args)) == count_parameters(build_trunk(name))


def test_one_changes_nothing_and_asks_no_network():
    assert scaled_args("timm/mobilenetv3_small_050", {"drop_rate": 0.1}, width=1, depth=1) == {"drop_rate": 0.1}


def test_the_widest_resnet18_costs_what_was_published():
    trunk = build_trunk("timm/resnet18", last_stride=2)
    assert (count_parameters(trunk), count_macs(trunk, (224, 224))) == (11_176_512, 1_813_561_344)
    assert resnet_cost((64, 128, 256, 512), (2, 2, 2, 2), size=(224, 224)) == (11_176_512, 1_813_561_344)


@pytest.mark.parametrize(("width", "depth"), [(1.0, 0.5), (0.25, 1.0), (0.5, 0.5), (1.5, 2.0)])
def test_cost_is_that_of_the_layers_added_up(width, depth):
    args = scaled_args("timm/resnet18", {"channels": [16, 32, 64, 128]}, width=width, depth=depth)
    trunk = build_trunk("timm/resnet18", args=args)
    wanted = resnet_cost(args["channels"], args["layers"], size=SIZE, strides=(1, 2, 2, 1))
    assert (count_parameters(trunk), count_macs(trunk, SIZE)) == wanted


def test_a_narrower_or_shallower_network_costs_less():
    def cost(width, depth):
        args = scaled_args("timm/resnet18", {"channels": [16, 32, 64, 128]}, width=width, depth=depth)
        trunk = build_trunk("timm/resnet18", args=args)
        return count_parameters(trunk), count_macs(trunk, SIZE)

    parent, narrow, shallow = cost(1.0, 1.0), cost(0.5, 1.0), cost(1.0, 0.5)
    assert all(less < more for smaller in (narrow, shallow) for less, more in zip(smaller, parent, strict=True))


def test_asking_for_a_structure_draws_no_random_number():
    torch.manual_seed(3)
    wanted = torch.rand(2)
    torch.manual_seed(3)
    structure_of("timm/resnet18", {})
    assert torch.equal(torch.rand(2), wanted)


@pytest.mark.parametrize(
    ("arch", "settings", "sentence"),
    [
        ("timm/mobilenetv3_small_050", {"width": 0.5}, "channels and blocks of timm/mobilenetv3_small_050 cannot be"),
        ("timm/regnetx_002", {"depth": 0.5}, "cannot be chosen; expected a ResNet or ConvNeXt of timm"),
        ("osnet_x1_0", {"depth": 0.5}, "depth 0.5 of osnet_x1_0, whose blocks stand in its name"),
        ("cifar/resnet20", {"depth": 0.5}, "depth 0.5 of cifar/resnet20, whose blocks stand in its name"),
        ("ca_res", {"width": 0.5}, r"blocks of ca_res cannot be chosen; .* it has args: \{width: 0.5\}"),
        ("timm/resnt18", {"width": 0.5}, "there is no trunk 'timm/resnt18'; expected one of timm/resnet18"),
    ],
)
def test_what_cannot_be_multiplied_is_told(arch, settings, sentence):
    with pytest.raises(ConfigError, match=sentence):
        build.model_spec(ModelConfig(arch=arch, size=SIZE, **settings))


def test_a_too_narrow_osnet_is_told():
    spec = build.model_spec(ModelConfig(arch="osnet_x0_25", size=SIZE, width=0.5))
    with pytest.raises(ConfigError, match=r"channels \[8, 32, 48, 64\] of an OSNet; .* from 64 on"):
        build.reid_model(**spec)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"width": 0}, "models.small.width"),
        ({"depth": -1.0}, "models.small.depth"),
        ({"width": 0.5, "weights": "pretrained"}, "the hub's weights fit no other width or depth than 1"),
    ],
)
def test_mistakes_are_told_when_the_settings_are_read(settings, sentence):
    tree = make_tree()
    tree["models"]["small"] |= settings
    with pytest.raises(ConfigError, match=sentence):
        make_config(tree)


def test_the_file_of_a_network_holds_its_numbers_and_no_factors():
    config = ModelConfig(arch="timm/resnet18", size=SIZE, width=0.25, depth=0.5)
    spec = build.model_spec(config)
    assert spec["args"] == {"channels": [16, 32, 64, 128], "layers": [1, 1, 1, 1]}
    assert not {"width", "depth"} & set(spec)
    assert build.reid_model(**spec).embedding_width == 512
