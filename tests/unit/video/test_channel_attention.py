"""The gate of channels and the block that has one: golden values, a loop twin, sizes, degenerate maps."""

import pytest
import torch

from pipeline.errors import ConfigError
from pipeline.models.ca_residual import CAResidual, build_ca_residual
from pipeline.models.channel_attention import ChannelAttention, channel_gate
from pipeline.models.trunks import build_trunk
from tests.references import video as twins


def make_maps(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_golden_gate() -> None:
    features = torch.tensor([[[[1.0, 3.0], [5.0, 7.0]], [[0.0, 0.0], [0.0, 4.0]]]])
    gate = channel_gate(features, torch.tensor([[1.0, -1.0]]), torch.tensor([[1.0], [-1.0]]))
    torch.testing.assert_close(gate, torch.tensor([[0.997527, 0.002473]]), atol=1e-6, rtol=0)


def test_the_gate_equals_its_loop_twin() -> None:
    features, reduce, expand = make_maps(3, 8, 2, 3), make_maps(2, 8, seed=1), make_maps(8, 2, seed=2)
    gates = channel_gate(features, reduce, expand)
    for image, gate in zip(features, gates, strict=True):
        expected = twins.channel_gate(image.flatten(1).tolist(), reduce.tolist(), expand.tolist())
        torch.testing.assert_close(gate, torch.tensor(expected, dtype=torch.float64))


def test_a_fresh_attention_halves_all_channels_alike() -> None:
    features = make_maps(2, 16, 4, 2).float()
    torch.testing.assert_close(ChannelAttention(16)(features), features / 2)


def test_the_gate_does_not_see_where_in_the_map_a_value_stands() -> None:
    features, reduce, expand = make_maps(2, 4, 3, 3), make_maps(1, 4, seed=1), make_maps(4, 1, seed=2)
    order = torch.randperm(9, generator=torch.Generator().manual_seed(3))
    moved = features.flatten(2)[:, :, order].unflatten(2, (3, 3))
    torch.testing.assert_close(channel_gate(moved, reduce, expand), channel_gate(features, reduce, expand))


def test_a_map_of_one_cell_has_a_finite_gradient() -> None:
    features = make_maps(1, 16, 1, 1).float().requires_grad_()
    ChannelAttention(16)(features).sum().backward()
    assert features.grad is not None
    assert torch.isfinite(features.grad).all()


def test_sizes_of_the_block() -> None:
    block = CAResidual(16, 24)
    weights = {name: p.numel() for name, p in block.named_parameters() if p.ndim > 1}
    attention = sum(count for name, count in weights.items() if "attention" in name)
    assert attention == 1152
    assert sum(weights.values()) - attention == 4704


@pytest.mark.parametrize(
    ("width", "out", "stride", "has_shortcut"), [(8, 8, 1, True), (8, 16, 1, False), (8, 8, 2, False)]
)
def test_a_block_keeps_its_input_where_it_fits(width: int, out: int, stride: int, has_shortcut: bool) -> None:
    block = CAResidual(width, out, stride=stride).eval()
    assert block.has_shortcut is has_shortcut
    assert block(torch.zeros(1, width, 8, 4)).shape == (1, out, 8 // stride, 4 // stride)


def test_the_trunk_is_a_sixteenth_of_the_image_and_names_its_stages() -> None:
    trunk = build_trunk("ca_res", args={"width": 0.5})
    assert trunk(torch.zeros(2, 3, 64, 32)).shape == (2, trunk.num_features, 4, 2)
    assert list(trunk.stages) == ["stage1", "stage2", "stage3"]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"pretrained": True}, "with pretrained weights"),
        ({"ibn": "b"}, "with ibn 'b'"),
        ({"args": {"depth": 3}}, "got arguments depth"),
        ({"args": {"width": 0}}, "got width 0"),
        ({"args": {"stages": [[8, 1]]}}, "got stages"),
        ({"args": {"stages": [[8, 0, 1]]}}, "at least 1"),
        ({"args": {"expansion": 0}}, "got expansion 0"),
    ],
)
def test_what_there_is_not_gets_a_sentence(settings: dict, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        build_ca_residual(**{"pretrained": False, "ibn": "none", "args": {}, **settings})
