"""Which module of a network works on what another one gave."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

# A tensor as it is at one moment: a change in place makes it another one.
Moment = tuple[int, int]


@dataclass
class Calls:
    """The calls of a forward pass.

    Args:
        took: moments that a module was called with, by module.
        gave: moments that it returned.
    """

    took: dict[nn.Module, list[Moment]] = field(default_factory=dict)
    gave: dict[nn.Module, list[Moment]] = field(default_factory=dict)

    def given_to(self, kinds: tuple[type[nn.Module], ...]) -> set[Moment]:
        """Return what modules of these kinds were called with."""
        return {moment for module, took in self.took.items() if isinstance(module, kinds) for moment in took}


def record_calls(model: nn.Module, images: Tensor, kinds: tuple[type[nn.Module], ...]) -> Calls:
    """Run a network in eval mode and note what went into modules of these kinds, and what came out.

    Args:
        model: the network.
        images: a batch that it takes.
        kinds: of modules that work on one tensor.
    """
    calls, alive = Calls(), []

    def before(module: nn.Module, arguments: tuple[Any, ...]) -> None:
        calls.took.setdefault(module, []).append(_moment(arguments[0]))
        alive.append(arguments[0])

    def after(module: nn.Module, _: Any, returned: Tensor) -> None:
        calls.gave.setdefault(module, []).append(_moment(returned))
        # Kept: the place of a tensor that is gone is given to another one.
        alive.append(returned)

    chosen = [module for module in model.modules() if isinstance(module, kinds)]
    handles = [module.register_forward_pre_hook(before) for module in chosen]
    handles += [module.register_forward_hook(after) for module in chosen]
    try:
        with torch.no_grad(), resting(model):
            model(images)
    finally:
        for handle in handles:
            handle.remove()
    return calls


def replace_module(model: nn.Module, old: nn.Module, new: nn.Module) -> None:
    """Put a module into every place where another one stands.

    Args:
        model: the network.
        old: a module inside it.
        new: what stands there afterwards.
    """
    # Collected first, because the new module may hold the old one; one parent may have it under two names.
    places = [(parent, name) for parent in model.modules() for name, child in parent._modules.items() if child is old]
    for parent, name in places:
        setattr(parent, name, new)


@contextmanager
def resting(model: nn.Module) -> Iterator[None]:
    """Put a network into eval mode, and every module of it back into its own mode."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


def _moment(tensor: Tensor) -> Moment:
    return id(tensor), tensor._version
