"""Search how the maps of a teacher's blocks are best added up for a small student to follow, stage by stage."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator

from datasets.batches import iterate_batches
from datasets.cache import load_pixels
from datasets.held_out import held_out_crops
from datasets.labels import camera_indices, class_labels
from datasets.loader import CropDataset
from datasets.samplers import PKSampler
from datasets.transforms import build_transform
from pipeline import build, distributed
from pipeline.checkpoint import load_model
from pipeline.config.references import ArtifactRefName, DataRef, ModelRef
from pipeline.config.schema import StageConfig
from pipeline.errors import ConfigError
from pipeline.losses.distillation.dfa import AlphaParam
from pipeline.losses.distillation.maps import channels_of
from pipeline.models.reid import ReIDModel
from pipeline.stage import Output, Stage, StageContext, StageResult
from pipeline.teaching.responses import check_unchanged, weights_digest
from pipeline.training.aggregation_file import save_aggregation
from pipeline.training.feature_search import (
    AGGREGATION,
    STUDENT,
    BridgedStudent,
    GroupSearch,
    SearchSettings,
    SearchTask,
    learner_settings,
)
from pipeline.training.loop import Batches
from pipeline.training.resuming import train_on
from pipeline.training.settings import AugmentSettings, BatchSettings, OptimizerSettings
from pipeline.training.teaching_rules import is_route
from pipeline.types import NetworkShape

_FILE = "aggregation.json"


class DFASearchConfig(StageConfig):
    """Settings of a search; student and weights learn on different images of the same persons."""

    kind: Literal["dfa_search"]
    teacher: ArtifactRefName
    # The student that is taught with the weights later; here it starts anew in each stage, and is not handed over.
    train: ModelRef
    source: DataRef
    steps: int = Field(200, ge=1)  # of each group
    # Of the student, and once more of the weights.
    batch: BatchSettings = BatchSettings()
    optimizer: OptimizerSettings = OptimizerSettings()
    arch_lr: float = Field(1e-3, gt=0)
    # How much counts that the student can follow, and that the rest of it can work with what is followed.
    g_st: float = Field(1.0, ge=0)
    g_ts: float = Field(1.0, ge=0)
    # `free` allows weights below 0; their absolute values add up to 1.
    alpha_param: AlphaParam = "softmax"
    # Stages to search in; null is all with several maps of one shape.
    groups: list[str] | None = Field(None, min_length=1)
    # Share of the images that the weights learn from, of persons whom one camera sees; of others it is one camera.
    held_out: float = Field(0.25, gt=0, lt=1)
    augment: AugmentSettings = AugmentSettings()

    @model_validator(mode="after")
    def _something_to_search(self) -> "DFASearchConfig":
        if self.g_st == self.g_ts == 0:
            raise ValueError("g_st and g_ts are both 0, and nothing says which weights are good")
        if is_route(self.teacher):
            raise ValueError(f"{self.teacher} is a route of several states; name one network as teacher")
        if self.groups is not None and len(set(self.groups)) < len(self.groups):
            raise ValueError("groups names a stage twice")
        return self


def run(context: StageContext) -> StageResult:
    """Search in one stage of the teacher after the other; leave the weights of all as 'aggregation'."""
    config: DFASearchConfig = context.config
    device = build.device(context.run_config.runtime)

    # 1. Labelled crops, a part of them held out for the weights.
    data = build.reid_data(context.run_config.data[config.source], labelled=True)
    teacher: ReIDModel = load_model(Path(context.inputs[config.teacher].path)).model
    data, cache = load_pixels(data, size=_largest_size(context, teacher))
    labels, cameras = class_labels(data)[0], camera_indices(data)
    crops = CropDataset(cache, labels, cameras, build_transform(size=cache.size, **config.augment.arguments()))
    held_out = held_out_crops(labels, cameras, share=config.held_out, seed=context.seed % 2**31)

    # 2. The frozen teacher, and which of its maps can be added up.
    teacher = build.placed(teacher, context.run_config.runtime, device)  # type: ignore[assignment]
    teacher.eval().requires_grad_(False)
    digest, shape = weights_digest(teacher), teacher.shape
    stages = _stages(config, shape, _student(context, num_classes=2).shape)
    searched = tuple(stage for stage in stages if stage in shape.blocks)

    def begin(stage: str) -> GroupSearch:
        student = BridgedStudent(
            _student(context, num_classes=int(labels.max()) + 1), stage, channels=shape.maps[stage]
        )
        return GroupSearch(
            build.placed(student, context.run_config.runtime, device),  # type: ignore[arg-type]
            teacher, blocks=shape.blocks[stage],
            settings=SearchSettings(config.arch_lr, config.g_st, config.g_ts, config.alpha_param),
            learner=learner_settings(
                config.optimizer.player(total_steps=config.steps), build.precision(context.run_config.runtime, device)
            ),
        )  # fmt: skip

    # 3. Go on where a killed run stopped, then search.
    task = SearchTask(begin, searched, steps=config.steps, device=device)
    _search(context, task, crops, held_out)
    check_unchanged(teacher, digest)
    weights = {
        stage: dict(zip(shape.blocks[stage], task.found[stage].tolist(), strict=True))
        if stage in task.found else {stage: 1.0} for stage in stages
    }  # fmt: skip

    # 4. Hand over the weights; no network leaves this stage.
    meta = {"stage": context.name, "role": AGGREGATION, "teacher": config.teacher, "alpha_param": config.alpha_param}
    if distributed.rank() == 0:
        save_aggregation(context.attempt / _FILE, weights, meta=meta)
    distributed.barrier()
    metrics = {
        "steps": config.steps * len(searched), "images": len(data), "held_out": int(held_out.sum()),
        "aggregation": [{"stage": stage, "maps": list(found), "weights": list(found.values())}
                        for stage, found in weights.items()],
        "notes": [f"{stage} of the teacher has a single map of its shape, so nothing was searched there"
                  for stage in stages if stage not in searched],
    }  # fmt: skip
    listing = {config.source: data.facts(labels_read=True)}
    return StageResult(outputs={AGGREGATION: Output(_FILE, meta)}, metrics=metrics, data=listing)


def _search(context: StageContext, task: SearchTask, crops: CropDataset, held_out: np.ndarray) -> None:
    total = task.steps * len(task.stages)
    train_on(
        context, task, lambda left: _batches(context, crops, held_out, start=left.start, stop=left.stop), total=total
    )


def _batches(
    context: StageContext, crops: CropDataset, held_out: np.ndarray, *, start: int, stop: int
) -> Iterator[Batches]:
    config: DFASearchConfig = context.config
    assert crops.labels is not None, "crops to search with are labelled"
    streams = []
    for place, is_left_out in enumerate((held_out, ~held_out)):
        seed = context.seed % 2**31 + place
        sampler = PKSampler(
            np.where(is_left_out, -1, crops.labels), crops.cameras, identities=config.batch.identities,
            instances=config.batch.instances, seed=seed,
        )  # fmt: skip
        streams.append(iterate_batches(
            crops.collect, sampler, start=start, stop=stop, seed=seed, workers=context.run_config.runtime.workers,
            rank=distributed.rank(), world=distributed.world_size(),
        ))  # fmt: skip
    for student, aggregation in zip(*streams, strict=True):
        yield {STUDENT: student, AGGREGATION: aggregation}


def _student(context: StageContext, *, num_classes: int) -> ReIDModel:
    # Every stage begins with the same weights, whatever was searched before.
    build.seed_everything(context.seed)
    spec: dict[str, Any] = build.model_spec(context.run_config.models[context.config.train])
    return build.reid_model(**spec, num_classes=num_classes)


def _largest_size(context: StageContext, teacher: ReIDModel) -> tuple[int, int]:
    """Both networks get the same pixels, each resizes down for itself."""
    size = context.run_config.models[context.config.train].size
    return max(teacher.size[0], size[0]), max(teacher.size[1], size[1])


def _stages(config: DFASearchConfig, teacher: NetworkShape, student: NetworkShape) -> list[str]:
    chosen = config.groups or [name for name in teacher.blocks if name in student.maps]
    for stage in chosen:
        channels_of("dfa_search", teacher, tap=stage, whose="teacher")
        channels_of("dfa_search", student, tap=stage, whose="student")
    if not any(stage in teacher.blocks for stage in chosen):
        raise ConfigError(
            f"no stage of {config.teacher} among {', '.join(chosen) or 'those of the student'} has several blocks of "
            "one shape", "a teacher with two blocks or more in a stage",
            "There is nothing to search: teach with dfa and aggregation: last.",
        )  # fmt: skip
    return chosen


STAGE = Stage("dfa_search", 1, DFASearchConfig, (AGGREGATION,), run)
