import pytest
import torch
from torch import nn

from pipeline.models.complexity import count_macs, count_parameters
from pipeline.models.osnet import CHANNELS, OSNET_NAMES, OSBlock, OSNet, translate_osnet_keys

# Of the network with the paper's fully connected layer of 512, as published with the code. That counter visits the gate
# four times a block, once a stream, and counts biases as operations; the tests below say so in numbers.
PUBLISHED = {
    "x1_0": (2_193_616, 978_878_352),
    "x0_75": (1_299_224, 571_754_536),
    "x0_5": (636_520, 272_901_064),
    "x0_25": (203_568, 82_316_000),
}


def make_paper_network(width: str, variant: str = "plain") -> nn.Module:
    trunk = OSNet(variant=variant, channels=CHANNELS[width])
    head = nn.Sequential(
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(CHANNELS[width][-1], 512), nn.BatchNorm1d(512)
    )
    return nn.Sequential(trunk, head)


def gate_parameters(network: nn.Module) -> int:
    return sum(count_parameters(block.gate) for block in network.modules() if isinstance(block, OSBlock))


@pytest.mark.parametrize("variant", ["plain", "ain"])
@pytest.mark.parametrize("width", sorted(PUBLISHED))
def test_parameters_equal_the_published_number(width: str, variant: str) -> None:
    network = make_paper_network(width, variant)
    assert count_parameters(network) + 3 * gate_parameters(network) == PUBLISHED[width][0]


@pytest.mark.parametrize("width", sorted(PUBLISHED))
def test_multiply_adds_equal_the_published_number(width: str) -> None:
    network = make_paper_network(width)
    gates = [block.gate for block in network.modules() if isinstance(block, OSBlock)]
    biases = 512 + 4 * sum(gate.fc1.out_channels + gate.fc2.out_channels for gate in gates)
    assert count_macs(network, (256, 128)) + biases == PUBLISHED[width][1]


@pytest.mark.parametrize("name", sorted(OSNET_NAMES))
def test_every_variant_maps_an_image_to_a_sixteenth(name: str) -> None:
    variant, width = OSNET_NAMES[name]
    network = OSNet(variant=variant, channels=CHANNELS[width]).eval()
    with torch.no_grad():
        output = network(torch.zeros(2, 3, 64, 32))
    assert output.shape == (2, network.num_features, 4, 2)


def test_variants_normalise_by_instance_where_the_papers_do() -> None:
    def places(variant: str) -> list[str]:
        network = OSNet(variant=variant, channels=CHANNELS["x0_25"])
        return [name for name, module in network.named_modules() if isinstance(module, nn.InstanceNorm2d)]

    assert places("plain") == []
    assert places("ibn") == ["conv1.bn", "conv2.0.outer_norm", "conv2.1.outer_norm"]
    inner = ["conv2.0", "conv2.1", "conv3.1", "conv4.0"]
    assert places("ain") == ["conv1.bn", *(f"{block}.inner_norm" for block in inner)]


@pytest.mark.parametrize("name", ["osnet_x0_25", "osnet_ain_x0_25", "osnet_ibn_x0_25"])
def test_every_parameter_gets_a_gradient(name: str) -> None:
    variant, width = OSNET_NAMES[name]
    network = OSNet(variant=variant, channels=CHANNELS[width])
    network(torch.randn(2, 3, 64, 32)).square().sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize(
    ("published", "ours"),
    [
        ("conv2.0.conv2a.conv1.weight", "conv2.0.streams.0.0.conv1.weight"),
        ("conv3.1.conv2c.2.bn.running_var", "conv3.1.streams.2.2.bn.running_var"),
        ("conv4.0.conv2d.3.conv2.weight", "conv4.0.streams.3.3.conv2.weight"),
        ("conv2.2.0.conv.weight", "pool2.0.conv.weight"),
        ("module.conv5.bn.bias", "conv5.bn.bias"),
        ("conv2.0.IN.weight", "conv2.0.outer_norm.weight"),
        ("conv4.0.gate.fc1.bias", "conv4.0.gate.fc1.bias"),
    ],
)
def test_published_names_become_ours(published: str, ours: str) -> None:
    assert list(translate_osnet_keys({published: torch.zeros(1)})) == [ours]


def test_published_names_of_the_ain_family_become_ours() -> None:
    published = {"conv2.0.conv2.3.layers.2.bn.weight": torch.zeros(1), "conv3.1.IN.bias": torch.zeros(1)}
    assert list(translate_osnet_keys(published)) == ["conv2.0.streams.3.2.bn.weight", "conv3.1.inner_norm.bias"]


def test_our_names_stay_and_the_published_head_goes() -> None:
    own = OSNet(channels=CHANNELS["x0_25"]).state_dict()
    assert list(
        translate_osnet_keys({**own, "fc.0.weight": torch.zeros(1), "classifier.bias": torch.zeros(1)})
    ) == list(own)
