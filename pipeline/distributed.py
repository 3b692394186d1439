"""Rank, world and collectives over torch.distributed; every function is a no-op in a single process."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from pipeline.coordination import Coordinator
from pipeline.errors import PipelineError

T = TypeVar("T")

TIMEOUT = timedelta(minutes=10)
# What gloo, NCCL and their rendezvous say where a peer has closed its connection or is silent.
_LOST = ("Connection closed by peer", "Connection reset by peer", "Connection refused", "Broken pipe", "Timed out",
         "timed out", "timeout", "NCCL", "Gloo")  # fmt: skip


def is_distributed() -> bool:
    """Return whether a process group of more than one process is up."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def rank() -> int:
    """Return this process's position, 0 in a single process."""
    return dist.get_rank() if is_distributed() else 0


def world_size() -> int:
    """Return the number of processes, 1 in a single process."""
    return dist.get_world_size() if is_distributed() else 1


def start(device: str, *, timeout: timedelta = TIMEOUT) -> None:
    """Join the process group that torchrun announces in the environment; do nothing without one.

    Args:
        device: 'cpu' joins by gloo, 'cuda' by NCCL on the GPU of the local rank.
        timeout: how long to wait for another process before stopping.

    Raises:
        PipelineError: torchrun's variables are there but incomplete.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) <= 1 or dist.is_initialized():
        return
    if "MASTER_ADDR" not in os.environ or "RANK" not in os.environ:
        raise PipelineError(
            "WORLD_SIZE is set but RANK or MASTER_ADDR is not",
            "the environment of torchrun",
            "Start with `torchrun --nproc-per-node N tools/run.py CONFIG` or unset WORLD_SIZE.",
        )
    if device == "cuda":
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    dist.init_process_group("nccl" if device == "cuda" else "gloo", timeout=timeout)


def stop() -> None:
    """Leave the process group where there is one."""
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()


@contextmanager
def lost_peer_in_words() -> Iterator[None]:
    """Say what to do where another process is gone or silent.

    Raises:
        PipelineError: the body failed because it could not talk to another process.
    """
    try:
        yield
    except RuntimeError as error:
        if not is_distributed() or not any(word in str(error) for word in _LOST):
            raise
        # The first clause tells what happened, what follows are guesses.
        reason = str(error).splitlines()[0].rpartition("] ")[2].partition(". ")[0]
        raise PipelineError(
            f"process {rank()} of {world_size()} has lost the others ({reason})", "",
            "Look for what stopped first; the same command resumes from the newest resume point.",
        ) from error  # fmt: skip


def by_first(work: Callable[[], T]) -> T:
    """Do the work on rank 0 alone and return its value, or raise its exception, on every rank.

    Args:
        work: takes less than the group's timeout, for which the others wait.
    """
    return Coordinator(rank(), broadcast_object).decide(work)


def barrier() -> None:
    """Wait for all processes."""
    if is_distributed():
        dist.barrier()


def broadcast_object(value: T, source: int = 0) -> T:
    """Return rank `source`'s value on every rank, so that rank-0 decisions hold everywhere."""
    if not is_distributed():
        return value
    box: list[Any] = [value]
    dist.broadcast_object_list(box, src=source)
    return box[0]


def sum_over_ranks(value: Tensor) -> Tensor:
    """Return the sum over all ranks, without gradient; the same tensor in a single process.

    Args:
        value: of equal shape on all ranks; not changed.
    """
    if not is_distributed():
        return value
    total = value.detach().clone()
    dist.all_reduce(total)
    return total


def gather_objects(value: T) -> list[T]:
    """Return every rank's value in rank order, on every rank."""
    if not is_distributed():
        return [value]
    box: list[Any] = [None] * world_size()
    dist.all_gather_object(box, value)
    return box


class _GatherWithGradient(torch.autograd.Function):
    """Concatenate along the batch; backward hands each rank the gradient of its own rows times the world size."""

    @staticmethod
    def forward(ctx: Any, local: Tensor) -> Tensor:
        """Gather equal-sized slices in rank order."""
        parts = [torch.empty_like(local) for _ in range(world_size())]
        dist.all_gather(parts, local.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Tensor:
        """Return the rows of this rank.

        Every rank computes the same loss over the whole batch, so its own rows hold the full gradient; DDP then
        averages parameter gradients over ranks, which the factor undoes.
        """
        (gradient,) = grad_outputs
        rows = gradient.shape[0] // world_size()
        return gradient[rank() * rows : (rank() + 1) * rows] * world_size()


def gather_rows(local: Tensor) -> Tensor:
    """Return the rows of all ranks in rank order, differentiable; the same tensor in a single process.

    Args:
        local: (b, ...) this rank's slice of the global batch; equal b on all ranks.

    Returns:
        (world * b, ...) rows. With the loss computed from them on every rank and DDP's gradient averaging, loss
        and gradient equal those of one process that holds the whole batch.
    """
    if not is_distributed():
        return local
    if not local.is_floating_point():
        parts = [torch.empty_like(local) for _ in range(world_size())]
        dist.all_gather(parts, local.contiguous())
        return torch.cat(parts)
    gathered: Tensor = _GatherWithGradient.apply(local)
    return gathered
