"""What two processes compute together; started as a program, once for each rank."""

import sys
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn

from pipeline import build, distributed
from pipeline.losses.supervised.centroid_contrast import CentroidContrast
from pipeline.losses.supervised.proxy_contrast import ProxyContrast
from pipeline.training.mode_defaults import STUDENT_TERMS, TEACHER_TERMS
from pipeline.training.multi_target import MultiTargetTask
from pipeline.training.multi_target_modes import MULTI_TARGET_STUDENT_TERMS, MULTI_TARGET_TEACHER_TERMS
from pipeline.training.phases import MODES, Phase
from pipeline.training.progressive import ProgressiveTask, Side
from pipeline.training.supervised import SupervisedTask
from pipeline.types import ReIDBatch
from tests.unit.training.make_parts import make_batches, make_model, make_player

COUNT, STEPS = 16, 3
# Regressors learn and weights are compared outside of what the ranks share out among them; the teacher's rest.
INSIDE = {
    "fitnets": {"layers": ["stage1", "last"]},
    "attention_transfer": {"layers": ["stage1"], "weight": 10.0},
    "kr_approx": {"stages": ["stage1", "stage2"], "every": 2, "dead_zone": 0.0},
}


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
    objectives = build.objectives(terms, student=model.shape, teacher=model.shape)
    for objective in objectives.modules().values():
        rows = torch.randn(8, 5, generator=torch.Generator().manual_seed(seed))
        if isinstance(objective, CentroidContrast):
            objective.reset(rows[:4])
        elif isinstance(objective, ProxyContrast):
            objective.reset(rows, torch.arange(8) % 4, torch.arange(8) // 4)
    player = make_player(model=model, extras=objectives.modules(), taps=objectives.maps, total_steps=STEPS, warmup=0)
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


def progressive(name: str, extra: dict, mode: str = "joint") -> dict[str, torch.Tensor]:
    """Return losses, gradients and weights of an adaptation in which both networks learn."""
    teacher, student = (
        make_side({**terms, **extra}, i) for i, terms in ((1, TEACHER_TERMS[mode]), (2, STUDENT_TERMS[mode]))
    )
    task = ProgressiveTask(
        teacher=teacher, student=student, phase=MODES[mode][0], device=torch.device("cpu"), total_steps=STEPS
    )
    task.beta = 0.5
    losses = [task.step(shared(make_batches(i, count=COUNT)), i).total for i in range(STEPS)]
    return {
        f"{name}.losses": torch.stack(losses),
        **seen(f"{name}.teacher", teacher),
        **seen(f"{name}.student", student),
    }


def classifier() -> dict[str, torch.Tensor]:
    """Return losses, gradients and weights of a classifier that hears a frozen one, with a target to align to."""
    terms = build.classifier_terms({"cross_entropy": {}, "kd": {}, "mmd": {}}, has_target=True)
    resting = make_model(1, norm=False).eval().requires_grad_(False)
    student = make_side(terms, 2)
    task = ProgressiveTask(
        teacher=Side(player=None, frozen=resting, objectives=build.objectives({}, student=resting.shape, teacher=None)),
        student=student, phase=Phase(1.0, False, True, "mean", "nobody"), device=torch.device("cpu"),
        total_steps=STEPS,
    )  # fmt: skip
    losses = [task.step(shared(make_batches(i, count=COUNT, target_labels=False)), i).total for i in range(STEPS)]
    return {"classifier.losses": torch.stack(losses), **seen("classifier", student)}


def several_targets() -> dict[str, torch.Tensor]:
    """Return losses, gradients and weights of one student for two targets, with discriminators of each target."""
    names = ("first", "second")
    terms = MULTI_TARGET_TEACHER_TERMS["mt_mtda"], MULTI_TARGET_STUDENT_TERMS["mt_mtda"]
    pairs = [(make_side(terms[0], i + 1), make_side(terms[1], 5)) for i in range(2)]
    own = {name: student.objectives for name, (_, student) in zip(names, pairs, strict=True)}
    extras = nn.ModuleDict({name: objectives.modules() for name, objectives in own.items()})
    player = make_player(model=pairs[0][1].player.model, extras=extras, total_steps=2 * STEPS, warmup=0)
    students = {name: Side(player=player, frozen=None, objectives=objectives) for name, objectives in own.items()}
    task = MultiTargetTask({
        name: ProgressiveTask(
            teacher=teacher, student=students[name], phase=MODES["as_published"][0], device=torch.device("cpu"),
            total_steps=STEPS,
        )
        for name, (teacher, _) in zip(names, pairs, strict=True)
    })  # fmt: skip
    for pair in task.pairs.values():
        pair.beta = 0.5
    losses = []
    for i in range(STEPS):
        first, second = make_batches(i, count=COUNT), make_batches(10 + i, count=COUNT)
        batches = {"source": first["source"], "first": first["target"], "second": second["target"]}
        losses.append(task.step(shared(batches), i).total)
    found = {"several.losses": torch.stack(losses)}
    for name, side in task.sides.items():
        found |= seen(f"several.{name}", side)
    return found


def compute() -> dict[str, torch.Tensor]:
    """Return everything that has to be the same on any number of ranks."""
    return {
        **supervised(),
        **progressive("joint", {}),
        **progressive("adversarial", {"gradient_reversal": {}}),
        **progressive("inside", INSIDE),
        **progressive("prokt", {}, mode="prokt"),
        **classifier(),
        **several_targets(),
    }


def main(rank: int, folder: Path) -> None:
    """Join the other rank and write down what this one saw."""
    torch.set_num_threads(1)
    store = dist.FileStore(str(folder / "store"), 2)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=2, timeout=timedelta(seconds=120))
    torch.save(compute(), folder / f"rank{rank}.pt")
    distributed.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
