"""What two processes compute together; started as a program, once for each rank."""

import sys
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist

from pipeline import build, distributed
from pipeline.losses.supervised.centroid_contrast import CentroidContrast
from pipeline.losses.supervised.proxy_contrast import ProxyContrast
from pipeline.training.mode_defaults import STUDENT_TERMS, TEACHER_TERMS
from pipeline.training.phases import MODES
from pipeline.training.progressive import ProgressiveTask, Side
from pipeline.training.supervised import SupervisedTask
from pipeline.types import ReIDBatch
from tests.unit.training.make_parts import make_batches, make_model, make_player

COUNT, STEPS = 16, 3


def shared(batches: dict[str, ReIDBatch]) -> dict[str, ReIDBatch]:
    """Return this rank's rows of global batches."""
    share = COUNT // distributed.world_size()
    rows = slice(distributed.rank() * share, (distributed.rank() + 1) * share)
    return {
        name: ReIDBatch(b.images[rows], b.indices[rows], None if b.labels is None else b.labels[rows], b.cameras[rows])
        for name, b in batches.items()
    }


def make_side(terms: dict, seed: int) -> Side:
    """Return a side whose trunk has no BatchNorm and whose neck's is frozen in eval mode."""
    model = make_model(seed, norm=False)
    model.neck.bn.eval()
    model.neck.bn.train = lambda mode=True: model.neck.bn
    objectives = build.objectives(terms, width=model.embedding_width)
    for objective in objectives.modules().values():
        rows = torch.randn(8, 5, generator=torch.Generator().manual_seed(seed))
        if isinstance(objective, CentroidContrast):
            objective.reset(rows[:4])
        elif isinstance(objective, ProxyContrast):
            objective.reset(rows, torch.arange(8) % 4, torch.arange(8) // 4)
    player = make_player(model=model, extras=objectives.modules(), total_steps=STEPS, warmup=0)
    return Side(player=player, frozen=None, objectives=objectives)


def seen(prefix: str, side: Side) -> dict[str, torch.Tensor]:
    """Return gradients of the last step and weights after it."""
    parameters = dict(side.player.module.named_parameters())
    found = {f"{prefix}.grad.{name}": p.grad for name, p in parameters.items() if p.grad is not None}
    return found | {f"{prefix}.{name}": p.detach() for name, p in parameters.items()}


def supervised() -> dict[str, torch.Tensor]:
    """Return loss, gradients and weights of pre-training."""
    side = make_side({"cross_entropy": {"smoothing": 0.1}, "triplet": {}}, 1)
    task = SupervisedTask(side.player, side.objectives, device=torch.device("cpu"))
    losses = [task.step(shared({"source": make_batches(i, count=COUNT)["source"]}), i).total for i in range(STEPS)]
    return {"supervised.losses": torch.stack(losses), **seen("supervised", side)}


def progressive(name: str, extra: dict) -> dict[str, torch.Tensor]:
    """Return losses, gradients and weights of joint adaptation."""
    teacher, student = (
        make_side({**terms, **extra}, i) for i, terms in ((1, TEACHER_TERMS["joint"]), (2, STUDENT_TERMS["joint"]))
    )
    task = ProgressiveTask(
        teacher=teacher, student=student, phase=MODES["joint"][0], device=torch.device("cpu"), total_steps=STEPS
    )
    task.beta = 0.5
    losses = [task.step(shared(make_batches(i, count=COUNT)), i).total for i in range(STEPS)]
    return {
        f"{name}.losses": torch.stack(losses),
        **seen(f"{name}.teacher", teacher),
        **seen(f"{name}.student", student),
    }


def compute() -> dict[str, torch.Tensor]:
    """Return everything that has to be the same on any number of ranks."""
    return {**supervised(), **progressive("joint", {}), **progressive("adversarial", {"gradient_reversal": {}})}


def main(rank: int, folder: Path) -> None:
    """Join the other rank and write down what this one saw."""
    torch.set_num_threads(1)
    store = dist.FileStore(str(folder / "store"), 2)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=2, timeout=timedelta(seconds=120))
    torch.save(compute(), folder / f"rank{rank}.pt")
    distributed.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
