"""Recomputed blocks: the same gradients and running statistics bit for bit, with taps inside and outside of blocks."""

import copy
from functools import partial

import pytest
import torch
from torch import nn

from pipeline.errors import ConfigError
from pipeline.models.recompute import Recomputing, blocks_of, recomputed
from pipeline.models.reid import ReIDModel
from pipeline.models.shared_norms import VirtualBatchNorm
from pipeline.models.trunks import build_trunk
from pipeline.training.player import StepModule
from pipeline.training.precision import Precision
from tests.unit.training.make_parts import Trunk, make_batch, make_player

SIZE = (64, 32)
ARCHS = {
    "timm/resnet18": {"channels": [4, 4, 8, 8], "layers": [1, 4, 1, 1]},
    "timm/vit_tiny_patch16_224": {"img_size": list(SIZE), "embed_dim": 12, "depth": 4, "num_heads": 2},
    "timm/convnext_atto": {"dims": [4, 4, 8, 8], "depths": [1, 2, 1, 1]},
    "osnet_x0_25": {},
}
TAPS = {"timm/resnet18": ("stage2", "layer2.0.conv1"), "osnet_x0_25": ("stage2",)}


def make_network(arch, seed=0):
    torch.manual_seed(seed)
    return ReIDModel(build_trunk(arch, args=ARCHS[arch]), embedding=6, num_classes=3, size=SIZE)


def learn(module, replica, *, around=None):
    """Return gradients and buffers after one backward pass over two domains, with taps among the outputs."""
    module.train()
    torch.manual_seed(5)
    pixels = {name: torch.randint(0, 256, (4, 3, *SIZE), dtype=torch.uint8) for name in ("source", "target")}
    with around() if around else torch.enable_grad():
        said = replica(pixels)
    loss = sum(t.bn_embedding.square().mean() + t.logits.square().mean() for t in said.values())
    loss = loss + sum(value.square().mean() for taps in said.values() for value in taps.maps.values())
    loss.backward()
    found = {f"grad.{name}": p.grad for name, p in module.named_parameters() if p.grad is not None}
    return {"loss": loss.detach(), **found, **dict(module.named_buffers())}


@pytest.mark.parametrize("arch", list(ARCHS))
def test_gradients_and_statistics_are_the_same_bits(arch):
    plain = StepModule(make_network(arch), nn.ModuleDict(), TAPS.get(arch, ()))
    other = copy.deepcopy(plain)
    expected = learn(plain, plain)
    found = learn(other, Recomputing(other, blocks_of(other.model)))
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(found[name], value), name


def remember(kept, tensor):
    return kept.setdefault(tensor.data_ptr(), tensor)


def test_less_is_kept_for_the_backward_pass():
    sizes = []
    for is_recomputed in (False, True):
        module = StepModule(make_network("timm/vit_tiny_patch16_224"), nn.ModuleDict())
        replica = Recomputing(module, blocks_of(module.model)) if is_recomputed else module
        kept: dict = {}
        with torch.autograd.graph.saved_tensors_hooks(partial(remember, kept), lambda tensor: tensor):
            replica({"source": (pixels := torch.zeros(16, 3, *SIZE, dtype=torch.uint8))})
        weights = {p.data_ptr() for p in module.parameters()}
        # The normalised pixels are an input of the first block.
        sizes.append(sum(t.numel() for place, t in kept.items() if place not in weights) - pixels.numel())
    assert sizes[1] < 0.3 * sizes[0]


def test_the_second_computation_runs_in_the_same_context():
    around = lambda: VirtualBatchNorm(2)  # noqa: E731
    plain = StepModule(make_network("timm/resnet18"), nn.ModuleDict())
    other = copy.deepcopy(plain)
    expected = learn(plain, plain, around=around)
    found = learn(other, Recomputing(other, blocks_of(other.model), around), around=around)
    assert all(torch.equal(found[name], value) for name, value in expected.items())


def test_blocks_are_as_before_even_after_an_error():
    network = make_network("timm/resnet18")
    blocks = blocks_of(network)
    assert len(blocks) == 7
    with pytest.raises(RuntimeError), recomputed(blocks):
        network(torch.zeros(1, 2, 32, 16))
    assert not any("forward" in vars(block) for block in blocks)
    copied = copy.deepcopy(network)
    assert copied.state_dict().keys() == network.state_dict().keys()


def test_a_player_learns_the_same():
    moved = []
    for recomputes in (False, True):
        player = make_player(precision=Precision(recomputes=recomputes))
        for step in range(2):
            batch = make_batch(step)
            said = player.forward({"source": batch.images})
            player.learn(nn.functional.cross_entropy(said["source"].logits, batch.labels), said)
        moved.append(player.state())
    assert all(torch.equal(value, moved[1][name]) for name, value in moved[0].items())


def test_a_trunk_without_stages_is_refused():
    trunk = Trunk()
    trunk.stages = {}
    with pytest.raises(ConfigError, match="gradient_checkpointing with a Trunk, which has no stages"):
        blocks_of(ReIDModel(trunk, embedding=5, size=(16, 8)))
