"""Route files: several states of one network along its training, in one safetensors file with one header."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from pipeline.checkpoint import load_model, restored_model
from pipeline.checkpoint_file import read_checkpoint, write_checkpoint
from pipeline.errors import CheckpointError
from pipeline.models.reid import ReIDModel

State = Mapping[str, Tensor]


@dataclass(frozen=True)
class LoadedRoute:
    """A network with the states that it went through.

    Args:
        model: in its last state, in eval mode, on the CPU.
        spec: how it was built.
        states: weights and buffers in the order of training; the last one is the model's.
        at: step or round of each state.
    """

    model: ReIDModel
    spec: Mapping[str, Any]
    states: tuple[State, ...]
    at: tuple[int, ...]


def save_route(
    path: Path, states: Sequence[State], *, at: Sequence[int], spec: Mapping[str, Any], meta: Mapping[str, Any]
) -> None:
    """Write the states of one network, batch-norm buffers included.

    Args:
        path: file to write; the caller commits it by the manifest.
        states: at least one, all with the same names and shapes; all of mean networks, or all of raw ones.
        at: step or round of each state, ascending.
        spec: arguments of `build.reid_model`, the number of classes among them.
        meta: facts to keep in the header.
    """
    tensors = {f"{i:04d}.{name}": value for i, state in enumerate(states) for name, value in state.items()}
    write_checkpoint(path, tensors, {"spec": dict(spec), "cameras": [], "meta": dict(meta), "route": list(at)})


def load_route(path: Path | str) -> LoadedRoute:
    """Read a file of `save_route`, or a model's file as a route of one state.

    Args:
        path: the .safetensors file.

    Raises:
        CheckpointError: not there, damaged, of another program or of a newer schema.
    """
    tensors, header = read_checkpoint(Path(path))
    if "route" not in header:
        loaded = load_model(path)
        return LoadedRoute(loaded.model, loaded.spec, (loaded.model.state_dict(),), (0,))
    states: list[dict[str, Tensor]] = [{} for _ in header["route"]]
    for name, value in tensors.items():
        position, _, inner = name.partition(".")
        if not position.isdigit() or int(position) >= len(states):
            raise CheckpointError(f"{path} holds {name}", f"tensors of {len(states)} states")
        states[int(position)][inner] = value
    model = restored_model(path, states[-1], header["spec"])
    return LoadedRoute(model, header["spec"], tuple(states), tuple(header["route"]))
