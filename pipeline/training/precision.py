"""Autocast, loss scaling, compilation, recomputation and batch statistics, so that a step reads the same everywhere."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.models.recompute import Recomputing, blocks_of
from pipeline.training.stopwatch import timed

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Precision:
    """How a step computes.

    Args:
        amp: 'off', 'bf16' or 'fp16'; fp16 scales the loss on CUDA.
        device: 'cpu' or 'cuda'.
        compile_model: run networks that learn through torch.compile.
        recomputes: keep only the inputs of a learning network's blocks, and compute the rest again going backward.
        norms: makes the context that batch norms run in; None leaves them as torch has them.
    """

    def __init__(
        self,
        *,
        amp: str = "off",
        device: str = "cpu",
        compile_model: bool = False,
        recomputes: bool = False,
        norms: Callable[[], AbstractContextManager[Any]] | None = None,
    ) -> None:
        self.amp, self.device, self.compile_model, self.recomputes = amp, device, compile_model, recomputes
        self.norms = norms or nullcontext
        self._scaler = torch.amp.GradScaler(device, enabled=amp == "fp16" and device == "cuda")

    @contextmanager
    def autocast(self) -> Iterator[None]:
        """Return the context of a forward pass."""
        cast = nullcontext() if self.amp == "off" else torch.autocast(self.device, dtype=DTYPES[self.amp])
        with timed("forward", self.device), cast, self.norms():
            yield

    def replica(self, module: nn.Module, network: nn.Module) -> nn.Module:
        """Return what stands for a module in its forward passes.

        Args:
            module: everything that learns together.
            network: the one inside it whose blocks may be recomputed.

        Raises:
            ConfigError: blocks are to be recomputed and the network has none.
        """
        if self.recomputes:
            return Recomputing(module, blocks_of(network), self.norms)
        return torch.compile(module) if self.compile_model else module  # type: ignore[return-value]

    def backward(self, loss: Tensor) -> None:
        """Back-propagate the scaled loss."""
        self._scaler.scale(loss).backward()

    def step(self, optimizer: torch.optim.Optimizer, module: nn.Module, *, clip: float) -> None:
        """Unscale, clip the gradient norm, update.

        Args:
            optimizer: of the module's parameters.
            module: what learns.
            clip: largest gradient norm; 0 switches clipping off.
        """
        if clip > 0:
            self._scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(module.parameters(), clip)
        self._scaler.step(optimizer)
        self._scaler.update()

    @property
    def scale(self) -> float:
        """The present loss scale; 1 where nothing is scaled."""
        return float(self._scaler.get_scale())

    @scale.setter
    def scale(self, value: float) -> None:
        if self._scaler.is_enabled():
            self._scaler.load_state_dict(self._scaler.state_dict() | {"scale": value})
