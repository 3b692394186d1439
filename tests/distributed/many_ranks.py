"""What 1, 2 and 4 processes learn together, batch norm included; a program of its own, because it forks.

Torch gets one thread before its first operation, so that a process may be forked afterwards.
"""

import os
import sys
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import torch
import torch.distributed as dist

from pipeline import build, distributed
from pipeline.models.shared_norms import SyncedBatchNorm, VirtualBatchNorm
from pipeline.training.precision import Precision
from pipeline.training.progressive import Side
from pipeline.training.supervised import SupervisedTask
from tests.distributed.two_ranks import seen, shared
from tests.unit.training.make_parts import make_batches, make_model, make_player

WORLDS, COUNT, STEPS = (1, 2, 4), 16, 4
NORMS: dict[str, Callable | None] = {"sync": SyncedBatchNorm, "virtual": partial(VirtualBatchNorm, 4), "frozen": None}


def learned(name: str, *, recomputes: bool = False) -> dict[str, torch.Tensor]:
    """Return losses, gradients, weights and statistics after some steps.

    Args:
        name: which statistics batch norms have.
        recomputes: whether blocks compute twice.
    """
    model = make_model(3)
    if name == "frozen":
        for norm in (model.trunk.norm, model.neck.bn):
            norm.eval()
            norm.train = lambda mode=True, norm=norm: norm
    terms = {"cross_entropy": {"smoothing": 0.1}, "triplet": {}}
    objectives = build.objectives(terms, student=model.shape, teacher=model.shape)
    # AdamW would turn the rounding in a gradient that is zero (a bias before a batch norm) into whole steps.
    player = make_player(
        model=model, extras=objectives.modules(), total_steps=STEPS, warmup=0, lr=0.05,
        sgd={"momentum": 0.9, "nesterov": False},
        precision=Precision(norms=NORMS[name], recomputes=recomputes),
    )  # fmt: skip
    task = SupervisedTask(player, objectives, device=torch.device("cpu"))
    losses = [task.step(shared({"source": make_batches(i, count=COUNT)["source"]}), i).total for i in range(STEPS)]
    side = Side(player=player, frozen=None, objectives=objectives)
    statistics = {f"{name}.buffer.{key}": value for key, value in player.mean.named_buffers()}
    return {f"{name}.losses": torch.stack(losses), **seen(name, side), **statistics}


def compute() -> dict[str, torch.Tensor]:
    """Return everything that has to be the same on any number of ranks."""
    again = {f"recomputed.{name}": value for name, value in learned("sync", recomputes=True).items()}
    return {key: value for name in NORMS for key, value in learned(name).items()} | again


def main(folder: Path) -> None:
    """Let each number of ranks compute and write down what every rank saw."""
    torch.set_num_threads(1)
    for world in WORLDS:
        processes = [os.fork() or _work(folder, rank, world) for rank in range(world)]
        for process in processes:
            assert os.waitpid(process, 0)[1] == 0, f"a rank of {world} failed"


def _work(folder: Path, rank: int, world: int) -> int:
    code = 1
    try:
        store = dist.FileStore(str(folder / f"store{world}"), world)
        dist.init_process_group("gloo", store=store, rank=rank, world_size=world, timeout=timedelta(seconds=60))
        torch.save(compute(), folder / f"{world}-{rank}.pt")
        distributed.stop()
        code = 0
    finally:
        os._exit(code)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
