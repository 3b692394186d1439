"""Search the width and depth of a student's stages under a budget of multiply-adds, block by block under a teacher."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import nn

from datasets.batches import Item, iterate_batches
from datasets.cache import load_pixels
from datasets.held_out import held_out_images
from datasets.labels import camera_indices
from datasets.loader import CropDataset
from datasets.samplers import UniformSampler
from datasets.transforms import build_transform
from pipeline import build, distributed
from pipeline.checkpoint import load_model
from pipeline.config.references import ArtifactRefName, DataRef, ModelRef
from pipeline.config.schema import StageConfig
from pipeline.errors import ConfigError
from pipeline.models.reid import ReIDModel
from pipeline.stage import Output, Stage, StageContext, StageResult
from pipeline.teaching.responses import check_unchanged, weights_digest
from pipeline.training.block_search import BlockSearchTask, as_crops
from pipeline.training.loop import Batches
from pipeline.training.resuming import train_on
from pipeline.training.settings import AugmentSettings, OptimizerSettings
from pipeline.training.structure_choice import undominated
from pipeline.training.structure_file import STRUCTURE, save_structure
from pipeline.training.structure_space import StructureSpace
from pipeline.training.teaching_rules import is_route
from pipeline.types import ReIDBatch

logger = logging.getLogger(__name__)
_FILE = "structure.json"


class SearchStudentConfig(StageConfig):
    """Settings of a search; no label is read."""

    kind: Literal["search_student"]
    teacher: ArtifactRefName
    # The network whose stages are varied.
    train: ModelRef
    data: DataRef
    # Most multiply-adds of the student for one image.
    macs: int = Field(ge=1)
    # Factors on the channels of each stage, and blocks of a stage.
    widths: tuple[Annotated[float, Field(gt=0)], ...] = Field((0.5, 0.75, 1.0), min_length=1)
    depths: tuple[Annotated[int, Field(ge=1)], ...] = Field((1, 2), min_length=1)
    steps: int = Field(200, ge=1)
    batch: int = Field(64, ge=2)
    optimizer: OptimizerSettings = OptimizerSettings()
    augment: AugmentSettings = AugmentSettings()
    # Share of the crops that candidates are ranked by, and that none of them learns from.
    held_out: float = Field(0.1, gt=0, lt=1)

    @model_validator(mode="after")
    def _something_to_search(self) -> "SearchStudentConfig":
        for name, values in (("widths", self.widths), ("depths", self.depths)):
            if len(set(values)) < len(values):
                raise ValueError(f"{name} names {max(values, key=values.count)} twice")
        if len(self.widths) * len(self.depths) < 2:
            raise ValueError("one width and one depth leave nothing to search; give several of one of them")
        if is_route(self.teacher):
            raise ValueError(f"{self.teacher} is a route of several states; name one network as teacher")
        if self.optimizer.clip > 0:
            raise ValueError("clip would bind the candidates together, each of which learns by itself; leave it out")
        return self


def run(context: StageContext) -> StageResult:
    """Train candidates, rank them, choose; leave the structure as 'structure'."""
    config: SearchStudentConfig = context.config
    device = build.device(context.run_config.runtime)

    # 1. The candidates, and whether any structure fits at all: known before anything is trained.
    build.seed_everything(context.seed)
    student = context.run_config.models[config.train]
    space = StructureSpace(
        build.model_spec(student), widths=config.widths, depths=config.depths, name=config.train
    )  # fmt: skip
    space.check_budget(config.macs)

    # 2. The frozen teacher, and crops without labels.
    loaded: ReIDModel = load_model(Path(context.inputs[config.teacher].path)).model
    crops = _crops(context, (max(loaded.size[0], student.size[0]), max(loaded.size[1], student.size[1])))
    held_out = held_out_images(len(crops), share=config.held_out, seed=context.seed % 2**31)
    teacher: ReIDModel = build.placed(loaded, context.run_config.runtime, device)  # type: ignore[assignment]
    teacher.eval().requires_grad_(False)
    digest = weights_digest(teacher)

    # 3. Go on where a killed run stopped, then train, rank, and choose.
    task = _task(context, space, teacher, device=device)
    _train(context, task, crops, np.flatnonzero(~held_out))
    check_unchanged(teacher, digest)
    ranks = task.ranks(_in_order(crops, np.flatnonzero(held_out), batch=config.batch))
    front = undominated(ranks, space.costs)
    args, structure = space.chosen(front, budget=config.macs)

    # 4. Hand over the structure; no network leaves this stage.
    meta = {"stage": context.name, "role": STRUCTURE, "teacher": config.teacher, **structure}
    if distributed.rank() == 0:
        save_structure(context.attempt / _FILE, args, base=space.spec, meta=meta)
    distributed.barrier()
    metrics = {
        "structure": structure, "candidates": space.ranked(ranks), "alternatives": [space.told(one) for one in front],
        "steps": config.steps, "images": len(crops), "held_out": int(held_out.sum()),
    }  # fmt: skip
    _tell(context, metrics)
    listing = {config.data: crops.cache.data.facts(labels_read=False)}
    return StageResult(outputs={STRUCTURE: Output(_FILE, meta)}, metrics=metrics, data=listing)


def _crops(context: StageContext, size: tuple[int, int]) -> CropDataset:
    """Both networks get the same pixels, each resizes down for itself."""
    config: SearchStudentConfig = context.config
    data, cache = load_pixels(build.reid_data(context.run_config.data[config.data], labelled=False), size=size)
    augment = build_transform(size=size, **config.augment.arguments())
    return CropDataset(cache, None, camera_indices(data), augment)


def _task(
    context: StageContext, space: StructureSpace, teacher: ReIDModel, *, device: torch.device
) -> BlockSearchTask:  # fmt: skip
    config, runtime = context.config, context.run_config.runtime
    maps = teacher.shape.maps
    missing = [stage for stage in space.stages if stage not in maps]
    if missing:
        raise ConfigError(
            f"{config.teacher} has no {missing[0]}, and {config.train} is searched in {len(space.stages)} stages",
            "a teacher with as many stages", "Name another teacher.",
        )  # fmt: skip
    # Candidates begin with the same weights, whatever was counted before.
    build.seed_everything(context.seed)
    before = (space.stages[0], *space.stages)
    blocks: list[list[nn.Module]] = [
        [build.placed(space.cutter.block(number, one, reads=maps[before[number]], writes=maps[stage]), runtime, device)
         for one in own]
        for number, (stage, own) in enumerate(zip(space.stages, space.candidates, strict=True))
    ]  # fmt: skip
    # Blocks that learn by themselves have nothing between them to compute again.
    precision = build.precision(runtime.model_copy(update={"gradient_checkpointing": False}), device)
    learner = {**config.optimizer.player(total_steps=config.steps), "precision": precision}
    pixels: ReIDModel = build.placed(space.network(space.cutter.sizes), runtime, device)  # type: ignore[assignment]
    return BlockSearchTask(blocks, space.candidates, teacher=teacher, normalise=pixels.normalise, learner=learner)


def _train(context: StageContext, task: BlockSearchTask, crops: CropDataset, learnt: np.ndarray) -> None:
    config, runtime = context.config, context.run_config.runtime
    seed = context.seed % 2**31
    sampler = UniformSampler(len(learnt), batch=config.batch, seed=seed)

    def batches(steps: range) -> Iterator[Batches]:
        return as_crops(iterate_batches(
            partial(_collect, crops, learnt), sampler, start=steps.start, stop=steps.stop, seed=seed,
            workers=runtime.workers, rank=distributed.rank(), world=distributed.world_size(),
        ))  # fmt: skip

    train_on(context, task, batches, total=config.steps)


def _collect(crops: CropDataset, learnt: np.ndarray, items: Sequence[Item]) -> ReIDBatch:
    return crops.collect([(int(learnt[index]), seed) for index, seed in items])


def _in_order(crops: CropDataset, chosen: np.ndarray, *, batch: int) -> Iterator[ReIDBatch]:
    for first in range(0, len(chosen), batch):
        yield crops.collect([(int(i), 0) for i in chosen[first : first + batch]], is_augmented=False)


def _tell(context: StageContext, metrics: Mapping[str, Any]) -> None:
    for candidate in metrics["candidates"]:
        context.metrics.write({"event": "candidate", **candidate})
    found = metrics["structure"]
    context.metrics.write({"event": STRUCTURE, **found})
    logger.info(
        "%s: channels %s, layers %s, %s multiply-adds of at most %s, rank %.4f", context.name, found["channels"],
        found["layers"], f"{found['macs']:,}", f"{context.config.macs:,}", found["rank"],
    )  # fmt: skip


STAGE = Stage("search_student", 1, SearchStudentConfig, (STRUCTURE,), run)
