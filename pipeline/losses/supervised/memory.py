"""Buffers whose length is known only after clustering, and how they come back from a checkpoint."""

from typing import Any

import torch
from torch import Tensor, nn


def resize_buffers(module: nn.Module, state: dict[str, Tensor], prefix: str, *_: Any) -> None:
    """Give every buffer the shape it has in a state dictionary that is about to be loaded.

    Register it with ``register_load_state_dict_pre_hook``.

    Args:
        module: objective with a memory.
        state: state dictionary.
        prefix: of the module's names in it.
    """
    for name, buffer in list(module.named_buffers(recurse=False)):
        saved = state.get(prefix + name)
        if saved is not None and saved.shape != buffer.shape:
            setattr(module, name, torch.empty(saved.shape, dtype=buffer.dtype, device=buffer.device))
