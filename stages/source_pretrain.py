"""Train one network on labelled crops: the teacher, the source-only student, and, with target labels, the ceiling."""

from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, model_validator

from datasets.batches import iterate_batches
from datasets.cache import load_pixels
from datasets.labels import camera_indices, class_labels
from datasets.loader import CropDataset
from datasets.merge import merge_labelled
from datasets.records import ReIDData
from datasets.samplers import PKSampler
from datasets.transforms import build_transform
from pipeline import build, distributed
from pipeline.checkpoint import load_model, save_model
from pipeline.config.references import ArtifactRefName, Components, DataRef, ModelRef
from pipeline.config.schema import StageConfig
from pipeline.metrics.match_record import MatchRecord
from pipeline.models.reid import ReIDModel
from pipeline.stage import Output, Stage, StageContext, StageResult
from pipeline.teaching.route import equal_interval
from pipeline.training.loop import run_steps
from pipeline.training.match_calibration import calibrate
from pipeline.training.match_people import MatchDataRef, check_match_data, match_data_facts, people_to_match
from pipeline.training.player import Player
from pipeline.training.progress import Progress
from pipeline.training.resuming import loop_hooks, resumed
from pipeline.training.route_parts import RecordedTask, RouteParts, leave_route
from pipeline.training.settings import AugmentSettings, BatchSettings, OptimizerSettings
from pipeline.training.structure_file import StructureRef
from pipeline.training.student import trained_spec
from pipeline.training.supervised import SupervisedTask


class SourcePretrainConfig(StageConfig):
    """Settings of supervised training on one or several labelled data sets."""

    kind: Literal["source_pretrain"]
    train: ModelRef
    structure: StructureRef = None
    data: DataRef | list[DataRef]
    init: ArtifactRefName | None = None
    epochs: int | None = Field(None, ge=1)
    steps: int | None = Field(None, ge=1)
    batch: BatchSettings = BatchSettings()
    optimizer: OptimizerSettings = OptimizerSettings()
    augment: AugmentSettings = AugmentSettings()
    objectives: Annotated[dict[str, dict[str, Any]], Components("objectives")] = Field(
        default={"cross_entropy": {"smoothing": 0.1}, "triplet": {"margin": 0.3}}
    )
    # States that the artifact `route` holds, at equal distances, the last one among them.
    anchors: int = Field(1, ge=1)
    # The ceiling is the only training that may read labels of target cameras; the manifest and the report say so.
    is_ceiling: bool = False
    # Labelled people to take thresholds from, other than those who are trained on.
    match_data: MatchDataRef = None

    @model_validator(mode="after")
    def _one_duration(self) -> "SourcePretrainConfig":
        check_match_data(self.match_data, self.data_names)
        if (self.epochs is None) == (self.steps is None):
            raise ValueError("give either epochs or steps")
        if self.steps is not None and self.anchors > self.steps:
            raise ValueError(f"anchors is {self.anchors} and steps {self.steps}; a route has one state a step at most")
        return self

    @property
    def data_names(self) -> list[str]:
        """Return the names of all data sets."""
        return [self.data] if isinstance(self.data, str) else list(self.data)


def run(context: StageContext) -> StageResult:
    """Train; leave the mean network as 'best', the last weights as 'last', states of the mean network as 'route'."""
    config: SourcePretrainConfig = context.config
    runtime, device = context.run_config.runtime, build.device(context.run_config.runtime)
    spec = trained_spec(context, config.train)

    # 1. Crops: decoded once, persons of all data sets numbered apart.
    parts = {name: build.reid_data(context.run_config.data[name], labelled=True) for name in config.data_names}
    crops = _crops(config, parts, size=tuple(spec["size"]))
    if len(parts) == 1:
        parts = dict.fromkeys(parts, crops.cache.data)  # without what could not be read, and with its number
    assert crops.labels is not None, "crops to pre-train on are labelled"
    sampler = PKSampler(
        crops.labels, crops.cameras, identities=config.batch.identities, instances=config.batch.instances,
        seed=context.seed,
    )  # fmt: skip
    total = config.steps or (config.epochs or 0) * sampler.steps_per_epoch

    # 2. The network, its optimizer and its terms.
    model = _model(context, spec, num_classes=int(crops.labels.max()) + 1)
    task = _task(context, model, device, total=total)

    # 3. Go on where a killed run stopped, then train.
    state, start = resumed(context)
    if state:
        task.load_state(state)
    batches = iterate_batches(
        crops.collect, sampler, start=start, stop=total, seed=context.seed, workers=runtime.workers,
        rank=distributed.rank(), world=distributed.world_size(),
    )  # fmt: skip
    progress = Progress(context.name, total=total, start=start, every_seconds=runtime.log_every_seconds)
    at, parts_of_route = equal_interval(total, config.anchors), RouteParts(context.attempt)
    recorded = RecordedTask(task, at[:-1], lambda step: parts_of_route.keep(step, task.player.mean))
    run_steps(
        recorded, ({"source": batch} for batch in batches), start=start, stop=total,
        hooks=loop_hooks(context, task.state), progress=progress,
    )  # fmt: skip
    progress.close()
    return _result(context, task.player, spec, parts=parts, crops=crops, at=at)


def _crops(config: SourcePretrainConfig, parts: dict[str, ReIDData], *, size: tuple[int, int]) -> CropDataset:
    data, cache = load_pixels(merge_labelled(list(parts.values())), size=size)
    augment = build_transform(size=cache.size, **config.augment.arguments())
    labels, _ = class_labels(data)
    return CropDataset(cache, labels, camera_indices(data), augment)


def _model(context: StageContext, spec: dict[str, Any], *, num_classes: int) -> ReIDModel:
    build.seed_everything(context.seed)
    if context.config.init is None:
        return build.reid_model(**spec, num_classes=num_classes)
    # A warm start keeps trunk and embedding; the identities are others, so the classifier is new.
    loaded = load_model(Path(context.inputs[context.config.init].path))
    loaded.check_spec(spec, wanted=context.config.train)
    loaded.model.reset_classifier(num_classes)
    return loaded.model


def _task(context: StageContext, model: ReIDModel, device: torch.device, *, total: int) -> SupervisedTask:
    config: SourcePretrainConfig = context.config
    runtime = context.run_config.runtime
    model = build.placed(model, runtime, device)  # type: ignore[assignment]
    objectives = build.objectives(config.objectives, student=model.shape, teacher=None)
    player = Player(
        model,
        extras=objectives.modules().to(device),
        taps=objectives.maps,
        precision=build.precision(runtime, device),
        **config.optimizer.player(total_steps=total),
    )
    return SupervisedTask(player, objectives, device=device)


def _match(context: StageContext, model: ReIDModel, crops: CropDataset, people: CropDataset | None) -> MatchRecord:
    """Return from which distance on two crops show two people."""
    config: SourcePretrainConfig = context.config
    names = {"persons": " + ".join(config.data_names), "new_persons": config.match_data or ""}
    return calibrate(
        model, crops, names=names, is_standardised=False, new_people=people, num_parts=len(config.data_names)
    )


def _result(
    context: StageContext,
    player: Player,
    spec: dict[str, Any],
    *,
    parts: dict[str, ReIDData],
    crops: CropDataset,
    at: list[int],
) -> StageResult:
    meta = {"stage": context.name, "steps": at[-1], "identities": int(player.model.num_classes or 0)}
    # The ceiling's labels would not be there in earnest, so no threshold is taken from them.
    people = None if context.config.is_ceiling else people_to_match(context, size=crops.cache.size)
    match = None if context.config.is_ceiling else _match(context, player.mean, crops, people)
    if distributed.rank() == 0:
        best = {**meta, "role": "best"}
        save_model(context.attempt / "best.safetensors", player.mean, spec=spec, meta=best, match=match)
        save_model(context.attempt / "last.safetensors", player.model, spec=spec, meta={**meta, "role": "last"})
        leave_route(context.attempt, player.mean, at, spec=spec, meta={**meta, "role": "route"})
    distributed.barrier()
    listing = {name: part.facts(labels_read=True) for name, part in parts.items()} | match_data_facts(context, people)
    data = crops.cache.data
    metrics = {
        **meta, "images": len(data), "is_ceiling": context.config.is_ceiling, "skipped": dict(data.skipped),
        "match": {} if match is None else {"best": match.summary(is_standardised=False)},
    }  # fmt: skip
    outputs = {"best": Output("best.safetensors", meta), "last": Output("last.safetensors", meta)}
    # A route of one state is that state's own file.
    outputs["route"] = Output("route.safetensors" if len(at) > 1 else "best.safetensors", {**meta, "at": at})
    return StageResult(outputs=outputs, metrics=metrics, data=listing)


STAGE = Stage("source_pretrain", 1, SourcePretrainConfig, ("best", "last", "route"), run)
