"""Recording of intermediate feature maps by module name, without touching the network's code."""

import difflib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from pipeline.errors import ConfigError


def check_taps(root: nn.Module, names: Sequence[str]) -> None:
    """Check that every tap is a module of the network.

    Args:
        root: network whose modules are tapped.
        names: dotted module names below ``root``.

    Raises:
        ConfigError: a name does not exist; the message gives near matches.
    """
    known = [name for name, _ in root.named_modules() if name]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=4, cutoff=0.5)
            top = [child for child, _ in root.named_children()]
            raise ConfigError(
                f"the network {type(root).__name__} has no module {name!r} to tap",
                f"a module name such as {', '.join(near or top)}",
            )


@contextmanager
def record(root: nn.Module, names: Sequence[str]) -> Iterator[dict[str, Tensor]]:
    """Record the outputs of named modules while the context is open.

    Args:
        root: network whose modules are tapped.
        names: dotted module names below ``root``; none is allowed.

    Yields:
        Dictionary that each forward pass fills, by tap name.

    Raises:
        ConfigError: a name does not exist.
    """
    maps: dict[str, Tensor] = {}
    if not names:
        yield maps
        return
    check_taps(root, names)
    modules = dict(root.named_modules())
    handles = [modules[name].register_forward_hook(_store(maps, name)) for name in names]
    try:
        yield maps
    finally:
        for handle in handles:
            handle.remove()


def _store(maps: dict[str, Tensor], name: str) -> Callable[[nn.Module, Any, Any], None]:
    def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
        if not isinstance(output, Tensor):
            raise ConfigError(f"the tap {name!r} returns a {type(output).__name__}", "a module that returns one tensor")
        maps[name] = output

    return hook
