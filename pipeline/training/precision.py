"""Autocast, loss scaling and compilation behind one object, so that a training step reads the same on CPU and CUDA."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Precision:
    """How a step computes.

    Args:
        amp: 'off', 'bf16' or 'fp16'; fp16 scales the loss on CUDA.
        device: 'cpu' or 'cuda'.
        compile_model: run networks through torch.compile.
    """

    def __init__(self, *, amp: str = "off", device: str = "cpu", compile_model: bool = False) -> None:
        self.amp, self.device, self.compile_model = amp, device, compile_model
        self._scaler = torch.amp.GradScaler(device, enabled=amp == "fp16" and device == "cuda")

    def autocast(self) -> AbstractContextManager:
        """Return the context of a forward pass."""
        return nullcontext() if self.amp == "off" else torch.autocast(self.device, dtype=DTYPES[self.amp])

    def compiled(self, module: nn.Module) -> nn.Module:
        """Return the module, compiled where that is asked for."""
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
