"""Every switch of `runtime` does what it says, and only those that change numbers are part of a fingerprint."""

from functools import partial

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from pipeline import build
from pipeline.config.schema import RuntimeConfig
from pipeline.fingerprint import semantic_tree
from pipeline.models.shared_norms import SyncedBatchNorm, VirtualBatchNorm
from tests.unit.training.make_parts import make_batch, make_model, make_player

CPU = torch.device("cpu")


def make_trained(steps=2, **runtime):
    """Return a player after some steps, and what its first convolution returned last."""
    settings = RuntimeConfig(**runtime)
    model = build.placed(make_model(), settings, CPU)
    player = make_player(model=model, precision=build.precision(settings, CPU))
    seen = {}
    model.trunk.first.register_forward_hook(lambda _module, _inputs, output: seen.update(map=output.detach()))
    for step in range(steps):
        batch = make_batch(step)
        said = player.forward({"source": batch.images})
        player.learn(nn.functional.cross_entropy(said["source"].logits, batch.labels), said)
    return player, seen["map"], said["source"]


def test_half_precision_is_that_of_the_forward_alone():
    player, inner, said = make_trained(amp="bf16")
    assert inner.dtype == torch.bfloat16
    assert said.embedding.dtype == torch.float32
    assert {p.dtype for p in player.module.parameters()} == {torch.float32}


def test_channels_last_lays_out_weights_maps_and_the_mean_network():
    player, inner, said = make_trained(channels_last=True)
    for network in (player.model, player.mean):
        assert network.trunk.second.weight.is_contiguous(memory_format=torch.channels_last)
    assert inner.is_contiguous(memory_format=torch.channels_last)
    _, inner, expected = make_trained()
    assert not inner.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(said.logits, expected.logits, rtol=1e-4, atol=1e-5)


def test_compiled_networks_learn_the_same(monkeypatch):
    # Without generating code, which takes a compiler and half a minute; what is captured is the same.
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    player, _, said = make_trained(compile=True)
    assert torch._dynamo.utils.counters["stats"]["calls_captured"] > 5
    plain, _, expected = make_trained()
    torch.testing.assert_close(said.logits, expected.logits)
    for name, value in plain.state().items():
        torch.testing.assert_close(player.state()[name], value, msg=name)


def test_batch_statistics_are_chosen():
    kinds = {"local": type(None), "sync": SyncedBatchNorm, "virtual": VirtualBatchNorm}
    for name, kind in kinds.items():
        runtime = RuntimeConfig(batch_norm=name, virtual_batch=4 if name == "virtual" else None)
        with build.precision(runtime, CPU).norms() as norms:
            assert isinstance(norms, kind)
    plain, virtual = (
        make_trained(**chosen)[0].state() for chosen in ({}, {"batch_norm": "virtual", "virtual_batch": 4})
    )
    assert any(not torch.equal(value, virtual[name]) for name, value in plain.items())


def test_only_what_changes_numbers_is_in_the_fingerprint():
    assert semantic_tree(RuntimeConfig()) == {"amp": "off"}
    operational = RuntimeConfig(
        workers=3, channels_last=True, gradient_checkpointing=True, timeout_seconds=5.0, embedding_cache="cache"
    )
    assert semantic_tree(operational) == {"amp": "off"}
    assert semantic_tree(RuntimeConfig(batch_norm="sync")) == {"amp": "off", "batch_norm": "sync"}
    virtual = RuntimeConfig(batch_norm="virtual", virtual_batch=16)
    assert semantic_tree(virtual) == {"amp": "off", "batch_norm": "virtual", "virtual_batch": 16}


@pytest.mark.parametrize(("settings", "said"), [
    ({"batch_norm": "virtual"}, "virtual_batch belongs to batch_norm virtual, which needs it"),
    ({"virtual_batch": 8}, "virtual_batch belongs to batch_norm virtual, which needs it"),
    ({"compile": True, "gradient_checkpointing": True}, "compile goes with neither"),
    ({"compile": True, "batch_norm": "sync"}, "compile goes with neither"),
])  # fmt: skip
def test_switches_that_do_not_fit_are_refused(settings, said):
    with pytest.raises(ValidationError, match=said):
        RuntimeConfig(**settings)


@pytest.mark.cuda
@pytest.mark.parametrize(
    "runtime",
    [
        {"amp": "fp16"},
        {"amp": "bf16", "channels_last": True},
        {"compile": True},
        {"gradient_checkpointing": True},
        {"batch_norm": "virtual", "virtual_batch": 4},
    ],
)
def test_a_step_on_cuda(runtime):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    settings, cuda = RuntimeConfig(**runtime), torch.device("cuda")
    player = make_player(model=build.placed(make_model(), settings, cuda), precision=build.precision(settings, cuda))
    batch = make_batch(0)
    said = player.forward({"source": batch.images.to(cuda)})
    loss = nn.functional.cross_entropy(said["source"].logits, batch.labels.to(cuda))
    player.learn(loss, said)
    assert torch.isfinite(loss)
