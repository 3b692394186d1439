"""Where and how a run computes."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import nn

from pipeline.config.schema import RuntimeConfig
from pipeline.errors import ConfigError
from pipeline.models.shared_norms import BatchNormMode, SyncedBatchNorm, VirtualBatchNorm
from pipeline.training.precision import Precision


def device(runtime: RuntimeConfig) -> torch.device:
    """Return the device to compute on.

    Raises:
        ConfigError: CUDA is asked for and there is none.
    """
    has_cuda = torch.cuda.is_available()
    if runtime.device == "cuda" and not has_cuda:
        raise ConfigError("runtime.device is cuda", "a CUDA device", "Set runtime.device to cpu or auto.")
    if runtime.device == "cpu" or not has_cuda:
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


def precision(runtime: RuntimeConfig, where: torch.device) -> Precision:
    """Return how steps compute."""
    norms: Callable[[], BatchNormMode] | None = None
    if runtime.batch_norm == "sync":
        norms = SyncedBatchNorm
    elif runtime.virtual_batch is not None:
        norms = partial(VirtualBatchNorm, runtime.virtual_batch)
    return Precision(
        amp=runtime.amp, device=where.type, compile_model=runtime.compile, recomputes=runtime.gradient_checkpointing,
        norms=norms,
    )  # fmt: skip


def embedding_folder(runtime: RuntimeConfig) -> Path | None:
    """Return where embeddings of networks that rest are kept, or None."""
    return None if runtime.embedding_cache is None else Path(runtime.embedding_cache)


def placed(model: nn.Module, runtime: RuntimeConfig, where: torch.device) -> nn.Module:
    """Move a network to its device and memory layout.

    Args:
        model: the network.
        runtime: says whether memory is laid out channels last.
        where: the device.
    """
    layout = torch.channels_last if runtime.channels_last else torch.contiguous_format
    return model.to(where, memory_format=layout)  # type: ignore[call-overload]


def limit_threads(runtime: RuntimeConfig) -> None:
    """Compute with as many threads as the configuration says; null leaves the library's own choice."""
    if runtime.threads is not None:
        torch.set_num_threads(runtime.threads)


def seed_everything(seed: int) -> None:
    """Seed torch's global generator, from which fresh weights are drawn."""
    torch.manual_seed(seed % 2**63)
