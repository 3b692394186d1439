"""Gradient checkpointing: a network's blocks keep their inputs alone and compute the rest again going backward."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from typing import Any

from torch import nn
from torch.utils.checkpoint import checkpoint

from pipeline.errors import ConfigError


def blocks_of(network: nn.Module) -> tuple[nn.Module, ...]:
    """Return the blocks of a network's trunk in the order in which they were registered.

    Blocks are the children of a stage that is a sequence, or of its child `blocks`, else the stage itself.

    Args:
        network: re-ID network or detector.

    Raises:
        ConfigError: the trunk has no stages.
    """
    body = getattr(network.trunk, "body", network.trunk)
    assert isinstance(body, nn.Module)
    stages = getattr(network, "stages", None) or {info["module"]: info["module"] for info in _infos(body)}
    modules = dict(body.named_modules())
    found = [modules[path] for path in stages.values() if path in modules]
    if not found:
        raise ConfigError(
            f"runtime.gradient_checkpointing with a {type(body).__name__}, which has no stages", "a trunk with stages",
            "Set runtime.gradient_checkpointing to false.",
        )  # fmt: skip
    return tuple(block for stage in found for block in _blocks_of_stage(stage))


class Recomputing(nn.Module):
    """A module whose forward keeps the inputs of some of its blocks alone; nothing of it is for saving.

    Args:
        inner: the module.
        blocks: parts of it, none inside another.
        around: as in `recomputed`.
    """

    def __init__(
        self,
        inner: nn.Module,
        blocks: Sequence[nn.Module],
        around: Callable[[], AbstractContextManager[Any]] = nullcontext,
    ) -> None:
        super().__init__()
        self.inner, self.blocks, self.around = inner, tuple(blocks), around

    def forward(self, *arguments: Any) -> Any:
        """Return what the module returns."""
        with recomputed(self.blocks, self.around):
            return self.inner(*arguments)


@contextmanager
def recomputed(
    blocks: Sequence[nn.Module], around: Callable[[], AbstractContextManager[Any]] = nullcontext
) -> Iterator[None]:
    """Let blocks forget their inner tensors in every forward while the context is open.

    Outputs of blocks and tensors that hooks take out of them stay, with their gradients. Running statistics move in the
    forward alone. The blocks are only changed while the context is open, so copies of the network are plain ones.

    Args:
        blocks: parts of a network, none inside another.
        around: context that the computation ran in beside autocast, entered again for the second one.

    Reference:
        Chen et al. Training deep nets with sublinear memory cost. 2016.
    """

    def contexts(block: nn.Module) -> tuple[AbstractContextManager[Any], AbstractContextManager[Any]]:
        return nullcontext(), _again(block, around)

    for block in blocks:
        block.forward = partial(checkpoint, block.forward, use_reentrant=False, context_fn=partial(contexts, block))
    try:
        yield
    finally:
        for block in blocks:
            del block.forward


@contextmanager
def _again(block: nn.Module, around: Callable[[], AbstractContextManager[Any]]) -> Iterator[None]:
    """Compute a second time without moving running statistics, whose first move is the right one."""
    norms = [module for module in block.modules() if hasattr(module, "momentum") and hasattr(module, "running_mean")]
    kept = [(norm, norm.momentum, getattr(norm, "num_batches_tracked", None)) for norm in norms]
    with ExitStack() as stack:
        stack.enter_context(around())
        for norm, _, counter in kept:
            norm.momentum = 0.0  # type: ignore[assignment]
            if counter is not None:
                norm.num_batches_tracked = None  # type: ignore[assignment]
        try:
            yield
        finally:
            for norm, momentum, counter in kept:
                norm.momentum = momentum
                if counter is not None:
                    norm.num_batches_tracked = counter


def _blocks_of_stage(stage: nn.Module) -> tuple[nn.Module, ...]:
    sequence = stage if isinstance(stage, nn.Sequential) else getattr(stage, "blocks", None)
    return tuple(sequence) if isinstance(sequence, nn.Sequential) else (stage,)


def _infos(body: nn.Module) -> list[dict[str, Any]]:
    infos = getattr(body, "feature_info", ())
    return list(getattr(infos, "info", infos))
