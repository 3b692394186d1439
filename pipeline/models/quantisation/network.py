"""From a re-ID network in float32 to one that computes as it will with eight bits, and can learn that way."""

import copy

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from pipeline.errors import ConfigError
from pipeline.models.quantisation.calls import record_calls, replace_module, resting
from pipeline.models.quantisation.folding import fold_batch_norms
from pipeline.models.quantisation.layers import MapQuantiser, QuantisedLayer, RestingNorm
from pipeline.models.reid import ReIDModel

# Integer kernels do these in the same pass as the convolution before them, so nothing is rounded in between.
_FUSED = (nn.ReLU, nn.ReLU6)


def quantised_network(model: ReIDModel, images: Tensor) -> ReIDModel:
    """Return a copy with batch norms folded, layers and maps rounded, and all steps calibrated.

    Every convolution and linear layer of the trunk and the projection to the embedding is rounded: its weights with a
    step for each output channel, the maps that go in and come out with one step. Pooling, the norm of the neck and the
    classifier stay in float32.

    Args:
        model: a trained network.
        images: (B, 3, H, W) uint8 pixels to calibrate with.

    Raises:
        ConfigError: the network has no layer to round, or its batch norms cannot be folded.
    """
    network = copy.deepcopy(model).eval()
    pixels = network.normalise(images)
    fold_batch_norms(network.trunk, pixels[:2])
    _round_trunk(network.trunk, pixels[:2])
    if isinstance(network.neck.projection, nn.Linear):
        # The norm after it works on float32, so nothing is rounded on the way out.
        network.neck.projection = QuantisedLayer(network.neck.projection, MapQuantiser(), None)
    for norm in [module for module in network.modules() if isinstance(module, _BatchNorm)]:
        replace_module(network, norm, RestingNorm(norm))
    if not any(isinstance(module, QuantisedLayer) for module in network.modules()):
        raise ConfigError(f"{type(model.trunk).__name__} has no convolution or linear layer to round", "one at least")
    _calibrate(network, images)
    return network


def quantisers_of(network: nn.Module) -> list[nn.Module]:
    """Return the modules that have a step, in the order of registration."""
    return [module for module in network.modules() if isinstance(module, MapQuantiser | QuantisedLayer)]


def steps_of(network: nn.Module) -> list[nn.Parameter]:
    """Return the learned steps of a network."""
    return [module.log_step for module in quantisers_of(network)]  # type: ignore[misc]


def _round_trunk(trunk: nn.Module, pixels: Tensor) -> None:
    calls = record_calls(trunk, pixels, (nn.Conv2d, nn.Linear, *_FUSED))
    fused = calls.given_to(_FUSED)
    rounded = {moment for module, gave in calls.gave.items() if isinstance(module, _FUSED) for moment in gave}
    for module, took in calls.took.items():
        if isinstance(module, _FUSED):
            replace_module(trunk, module, nn.Sequential(module, MapQuantiser()))
        # Convolutions that pad in a way of their own, and attention's matrices, are left as they are.
        elif type(module) in (nn.Conv2d, nn.Linear) and getattr(module, "padding_mode", "zeros") == "zeros":
            incoming = None if set(took) <= rounded else MapQuantiser()
            outgoing = None if set(calls.gave[module]) <= fused else MapQuantiser()
            replace_module(trunk, module, QuantisedLayer(module, incoming, outgoing))  # type: ignore[arg-type]


@torch.no_grad()
def _calibrate(network: ReIDModel, images: Tensor) -> None:
    maps = [module for module in network.modules() if isinstance(module, MapQuantiser)]
    with resting(network):
        for quantiser in maps:
            quantiser.is_calibrating = True
        network(images)
        for quantiser in maps:
            quantiser.is_calibrating = False
