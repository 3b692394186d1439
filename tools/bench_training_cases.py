"""The steps that `bench_training` measures: built from a configuration's models, terms and batches as the stages do."""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from datasets.cache import load_pixels
from datasets.labels import camera_indices, class_labels
from datasets.loader import CropDataset
from datasets.transforms import build_transform
from pipeline import build
from pipeline.config.load import load_config
from pipeline.config.schema import RunConfig
from pipeline.training.domain_batches import DomainBatches
from pipeline.training.loop import Batches, LoopHooks, Task, run_steps
from pipeline.training.phases import MODES
from pipeline.training.player import Player
from pipeline.training.precision import Precision
from pipeline.training.progress import Progress
from pipeline.training.progressive import ProgressiveTask, Side
from pipeline.training.relabel import TargetCrops, prepare_side, view_of
from pipeline.training.scoped import SOURCE, TARGET
from pipeline.training.supervised import SupervisedTask
from stages import STAGES

SECTIONS = ("data", "forward", "backward", "update", "total")


@dataclass
class Case:
    """One kind of step, real and bare.

    Args:
        task: takes the real step.
        batches: yields the real batches of the steps [first, last).
        learns: the network whose gradients are computed.
        hears: the network that is only asked, or None.
        ready: pixels by domain, on the device.
        rows: what the loop has logged.
    """

    task: Task
    batches: Callable[[int, int], Iterator[Batches]]
    learns: Player
    hears: torch.nn.Module | None
    ready: dict[str, torch.Tensor]
    rows: list[Any] = field(default_factory=list)

    def run(self, batches: Iterator[Batches], first: int, last: int) -> None:
        """Take the steps [first, last) of the real loop.

        Args:
            batches: goes on where the last call stopped.
            first: first step.
            last: one past the last.
        """
        hooks = LoopHooks(log=self.rows.append, save=lambda step: None, log_every=last)
        run_steps(self.task, batches, start=first, stop=last, hooks=hooks, progress=Progress("bench", total=10**9))

    def bare(self, steps: int) -> None:
        """Take as many forward and backward passes of the same networks over ready tensors, and nothing else."""
        for _ in range(steps):
            if self.hears is not None:
                with torch.no_grad():
                    self.hears.eval()
                    for images in self.ready.values():
                        self.hears(images)
            self.learns.module.train()
            said = self.learns.module(self.ready)
            total = sum(taps.logits.mean() + taps.bn_embedding.square().mean() for taps in said.values())
            self.learns.module.zero_grad(set_to_none=True)
            total.backward()

    def take_rows(self) -> list[Any]:
        """Return what was logged since the last call."""
        rows, self.rows = self.rows, []
        return rows


def job(case: str, *, config: str, steps: int, blocks: int, workers: int, device: str) -> Callable[[], Any]:
    """Build the networks, terms and data of a case, and return what measures it.

    Blocks of steps of the real loop and of the bare passes take turns, so that both meet the same machine.

    Args:
        case: 'pretrain', 'adapt_teacher' or 'adapt_student'.
        config: path of a configuration with the stages `pretrain` and `adapt`.
        steps: of each block.
        blocks: of each kind; one more of each comes first and is not counted.
        workers: loading processes of each domain.
        device: 'cpu' or 'cuda'.
    """
    made = make_case(case, config=Path(config), workers=workers, device=device)
    batches = made.batches(0, (blocks + 1) * steps)

    def measure() -> dict[str, float]:
        taken: dict[str, list[float]] = {}
        for block in range(blocks + 1):
            found = {"loop": _seconds(partial(made.run, batches, block * steps, (block + 1) * steps), device)}
            found["bare"] = _seconds(partial(made.bare, steps), device)
            rows = made.take_rows()
            parts = {name: sum(row["seconds"].get(name, 0.0) for row in rows) for name in SECTIONS}
            for name, (cpu, wall) in found.items():
                parts |= {f"{name} CPU": cpu, f"{name} wall": wall}
            for name, value in parts.items():
                taken.setdefault(name, []).append(value / steps)
        return {name: statistics.median(values[1:]) for name, values in taken.items()}

    return measure


def _seconds(work: Callable[[], Any], device: str) -> tuple[float, float]:
    """Return CPU and wall seconds; on a GPU everything that was begun is waited for."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.process_time() - cpu, time.perf_counter() - wall


def make_case(name: str, *, config: Path, workers: int, device: str) -> Case:
    """Build a case.

    Args:
        name: 'pretrain', 'adapt_teacher' or 'adapt_student'.
        config: with the stages `pretrain` and `adapt`.
        workers: loading processes of each domain.
        device: 'cpu' or 'cuda'.
    """
    run = load_config(config, [], STAGES, tables=build.COMPONENTS)
    where = torch.device(device)
    build.seed_everything(run.seed)
    source = _crops(run, "source", run.stages["pretrain" if name == "pretrain" else "adapt"])
    assert source.labels is not None, "the source is labelled"
    if name == "pretrain":
        return _pretrain(run, source, where, workers=workers)
    return _adapt(run, source, where, workers=workers, phase=0 if name == "adapt_teacher" else 1)


def _crops(run: RunConfig, name: str, stage: Any) -> CropDataset:
    size = run.models[run.stages["pretrain"].train].size  # type: ignore[attr-defined]
    data, cache = load_pixels(build.reid_data(run.data[name], labelled=True), size=size)
    labels, _ = class_labels(data)
    return CropDataset(cache, labels, camera_indices(data), build_transform(size=size, **stage.augment.arguments()))


def _network(run: RunConfig, name: str, classes: int, where: torch.device) -> Any:
    return build.placed(build.reid_model(**build.model_spec(run.models[name]), num_classes=classes), run.runtime, where)


def _player(model: Any, objectives: Any, settings: Any, run: RunConfig, where: torch.device) -> Player:
    return Player(
        model, extras=objectives.modules().to(where), taps=objectives.maps,
        precision=build.precision(run.runtime, where), **settings.player(total_steps=10_000),
    )  # fmt: skip


def _pretrain(run: RunConfig, source: CropDataset, where: torch.device, *, workers: int) -> Case:
    stage: Any = run.stages["pretrain"]
    model = _network(run, stage.train, _classes(source), where)
    objectives = build.objectives(stage.objectives, student=model.shape, teacher=None)
    player = _player(model, objectives, stage.optimizer, run, where)
    loaded = DomainBatches(source, {}, sizes={SOURCE: stage.batch}, seed=run.seed, workers=workers)
    task = SupervisedTask(player, objectives, device=where)
    ready = {SOURCE: _ready(source, stage.batch.size, where)}
    return Case(task, lambda first, last: loaded.round({}, range(first, last)), player, None, ready)


def _adapt(run: RunConfig, source: CropDataset, where: torch.device, *, workers: int, phase: int) -> Case:
    stage: Any = run.stages["adapt"]
    target = _crops(run, "target", stage)
    # True persons stand for clusters: they are as many and as large.
    labels = np.asarray(target.labels)
    unlabelled = TargetCrops(CropDataset(target.cache, None, target.cameras, target.augment), target.cache.data.cameras)
    big = _network(run, run.stages["pretrain"].train, _classes(source), where)  # type: ignore[attr-defined]
    small = _network(run, stage.train, _classes(source), where)
    terms = build.objectives(stage.teacher_terms, student=big.shape, teacher=None)
    teacher = Side(player=_player(big, terms, stage.teacher_settings, run, where), frozen=None, objectives=terms)
    terms = build.objectives(stage.student_terms, student=small.shape, teacher=big.shape)
    student = Side(player=_player(small, terms, stage.optimizer, run, where), frozen=None, objectives=terms)
    task = ProgressiveTask(
        teacher=teacher, student=student, phase=MODES["two_stage"][phase], device=where, total_steps=10_000
    )
    for side in (teacher, student):
        view = view_of(side, unlabelled, standardise=True, precision=Precision(device=where.type))
        prepare_side(side, view, labels, unlabelled, standardise=True, device=where)
    sizes = {SOURCE: stage.source_batch, TARGET: stage.target_batch}
    loaded = DomainBatches(source, {TARGET: unlabelled}, sizes=sizes, seed=run.seed, workers=workers)
    ready = {SOURCE: _ready(source, sizes[SOURCE].size, where), TARGET: _ready(target, sizes[TARGET].size, where)}
    learns = (teacher if phase == 0 else student).player
    assert learns is not None, "both have a player"
    hears = None if phase == 0 else teacher.mean
    return Case(task, lambda first, last: loaded.round({TARGET: labels}, range(first, last)), learns, hears, ready)


def _classes(crops: CropDataset) -> int:
    assert crops.labels is not None, "labelled crops"
    return int(crops.labels.max()) + 1


def _ready(crops: CropDataset, count: int, where: torch.device) -> torch.Tensor:
    return crops.collect([(index, index) for index in range(count)]).images.to(where)
