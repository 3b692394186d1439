"""Weights from a file: safetensors, or a foreign pickle read without its power to run code."""

import logging
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from pipeline.errors import CheckpointError
from pipeline.models.osnet import OSNet, translate_osnet_keys

logger = logging.getLogger(__name__)
WRAPPERS = ("state_dict", "model", "net", "state_dict_ema", "model_state_dict")


@dataclass(frozen=True)
class LoadReport:
    """What a weights file did not say, and what it said in vain.

    Args:
        loaded: number of tensors taken over.
        missing: tensors of the network that keep their initial values.
        unexpected: tensors of the file that the network does not have.
    """

    loaded: int
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]


def read_state(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a weights file.

    Args:
        path: ``.safetensors``, or a file of ``torch.save`` that holds nothing but tensors and plain containers.

    Returns:
        Tensors by name, on the CPU, without the ``module.`` of a distributed run.

    Raises:
        CheckpointError: the file is not there, is damaged, or holds something else than weights.
    """
    if not path.is_file():
        raise CheckpointError(
            f"there is no weights file {path}", "a .safetensors or .pth file", "Check models.*.weights."
        )
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except (SafetensorError, OSError) as error:
            raise CheckpointError(f"{path} is not a readable safetensors file ({error})") from error
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        raise CheckpointError(
            f"{path} cannot be read as plain weights",
            "a file that holds tensors and plain containers only",
            "A pickle can run code, so there is no other way in; save its state_dict() alone, best as safetensors.",
        ) from error
    return _tensors(content, path)


def load_weights(network: nn.Module, path: Path) -> LoadReport:
    """Copy the tensors of a file into a network; a trunk takes its part of a whole model's file.

    Args:
        network: model or trunk.
        path: weights file.

    Returns:
        What was loaded, missing and unexpected; it is logged as well.

    Raises:
        CheckpointError: a tensor has another shape, or not one name fits.
    """
    state = read_state(path)
    if isinstance(getattr(network, "trunk", network), OSNet):
        state = translate_osnet_keys(state)
    own = network.state_dict()
    state = _best_prefix(state, own)
    fitting = {name: value for name, value in state.items() if name in own}
    wrong = [name for name, value in sorted(fitting.items()) if value.shape != own[name].shape]
    if wrong:
        name = wrong[0]
        raise CheckpointError(
            f"{path}: {name} is {tuple(state[name].shape)} and {len(wrong) - 1} more tensors have another shape",
            f"{tuple(own[name].shape)}",
            "Check arch, args and embedding of the model, or take the weights of this very network.",
        )
    if not fitting:
        raise CheckpointError(
            f"{path} has no tensor of {type(network).__name__}; its first names are {', '.join(sorted(state)[:3])}",
            f"names such as {', '.join(sorted(own)[:3])}",
        )
    network.load_state_dict(fitting, strict=False)
    report = LoadReport(
        loaded=len(fitting),
        missing=tuple(sorted(set(own) - set(fitting))),
        unexpected=tuple(sorted(set(state) - set(fitting))),
    )
    _log(report, path)
    return report


def _tensors(content: object, path: Path) -> dict[str, Tensor]:
    for wrapper in WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
            break
    state = content if isinstance(content, Mapping) else {}
    tensors = {str(key).removeprefix("module."): value for key, value in state.items() if isinstance(value, Tensor)}
    if not tensors:
        raise CheckpointError(f"{path} holds a {type(content).__name__} without tensors", "a state_dict")
    return tensors


def _best_prefix(state: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Add or strip the prefixes of our wrappers, whichever makes most names fit."""
    candidates = [dict(state)]
    for prefix in ("body.", "trunk.", "trunk.body.", "backbone.", "base."):
        candidates.append({f"{prefix}{name}": value for name, value in state.items()})
        inside = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
        candidates += [inside, {f"body.{name}": value for name, value in inside.items()}]
    return max(candidates, key=lambda names: sum(name in own for name in names))


def _log(report: LoadReport, path: Path) -> None:
    logger.info("%s: %d tensors loaded", path, report.loaded)
    for kind, names in (("missing", report.missing), ("unexpected", report.unexpected)):
        if names:
            shown = ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
            logger.warning("%s: %d %s tensors: %s", path, len(names), kind, shown)
