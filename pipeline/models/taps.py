"""Recording of intermediate feature maps by stage or module name, without touching the network's code."""

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.errors import ConfigError

# The output of the whole trunk; not a module's name, because a trunk may do something after its last module.
LAST = "last"
Layout = Callable[[Tensor], Tensor]
# Channels, height, width.
MapShape = tuple[int, int, int]


def check_taps(root: nn.Module, names: Sequence[str], *, stages: Mapping[str, str] | None = None) -> None:
    """Check that every tap is a stage or a module of the network.

    Args:
        root: network whose modules are tapped.
        names: stage names, `last`, or dotted module names below ``root``.
        stages: module name of each stage by its canonical name.

    Raises:
        ConfigError: a name does not exist; the message lists the stages and near matches.
    """
    canonical = [*(stages or {}), LAST]
    known = [name for name, _ in root.named_modules() if name]
    for name in names:
        if name not in known and name not in canonical:
            near = difflib.get_close_matches(name, known, n=4, cutoff=0.5)
            top = [child for child, _ in root.named_children()]
            raise ConfigError(
                f"the network {type(root).__name__} has no module {name!r} to tap",
                f"one of {', '.join(canonical)}, or a module name such as {', '.join(near or top)}",
            )


@contextmanager
def record(
    root: nn.Module, names: Sequence[str], *, stages: Mapping[str, str] | None = None
) -> Iterator[dict[str, Tensor]]:
    """Record the outputs of named modules while the context is open.

    Args:
        root: network whose modules are tapped.
        names: stage names or dotted module names below ``root``; none is allowed. `last` is its user's to fill in.
        stages: module name of each stage by its canonical name.

    Yields:
        Dictionary that each forward pass fills, by tap name.

    Raises:
        ConfigError: a name does not exist.
    """
    maps: dict[str, Tensor] = {}
    if not names:
        yield maps
        return
    check_taps(root, names, stages=stages)
    modules, paths = dict(root.named_modules()), dict(stages or {})
    handles = [
        modules[paths.get(name, name)].register_forward_hook(_store(maps, name)) for name in names if name != LAST
    ]
    try:
        yield maps
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def substituted(module: nn.Module, substitute: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Put something else in the place of a module's output while the context is open.

    Args:
        module: part of a network.
        substitute: makes what the rest of the network goes on with, of what the module returned.
    """
    handle = module.register_forward_hook(lambda _module, _inputs, output: substitute(output))
    try:
        yield
    finally:
        handle.remove()


@torch.no_grad()
def map_shapes(network: nn.Module, root: nn.Module, images: Tensor, *, layout: Layout) -> dict[str, MapShape]:
    """Return (channels, height, width) of the output of every module that returns a map, by one pass in eval mode.

    No running statistics move, and each module is left in the mode in which it was.

    Args:
        network: maps images to the last feature map.
        root: part of it whose modules are looked at.
        images: (1, 3, H, W) of the size that the network takes.
        layout: brings an output to (B, C, h, w), or raises ConfigError where it is no map.

    Returns:
        Shapes by dotted module name below ``root``, and that of the last map.
    """
    shapes: dict[str, MapShape] = {}

    def hook_of(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            shape = _shape(output, layout)
            if shape is not None:
                shapes[name] = shape

        return hook

    handles = [module.register_forward_hook(hook_of(name)) for name, module in root.named_modules() if name]
    was_training = {module: module.training for module in network.modules()}
    try:
        # Flags are set one by one: a norm that its owner keeps in eval mode may have a `train` of its own.
        for module in was_training:
            module.training = False
        last = network(images)
    finally:
        for module, training in was_training.items():
            module.training = training
        for handle in handles:
            handle.remove()
    return {**shapes, LAST: (last.shape[1], last.shape[2], last.shape[3])}


def _shape(output: Any, layout: Layout) -> MapShape | None:
    if not isinstance(output, Tensor) or output.ndim not in (3, 4):
        return None
    try:
        _, channels, height, width = layout(output).shape
    except (ConfigError, ValueError):
        return None
    return channels, height, width


def _store(maps: dict[str, Tensor], name: str) -> Callable[[nn.Module, Any, Any], None]:
    def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
        if not isinstance(output, Tensor):
            raise ConfigError(f"the tap {name!r} returns a {type(output).__name__}", "a module that returns one tensor")
        maps[name] = output

    return hook
