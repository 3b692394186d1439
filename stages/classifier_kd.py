"""Train a plain classifier: on labels alone, from a teacher, or from a teacher that adapts to unlabelled images."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, model_validator

from datasets.batches import iterate_batches
from datasets.class_loader import class_dataset
from datasets.class_records import ClassData
from datasets.loader import CropDataset
from datasets.samplers import UniformSampler
from datasets.transforms import build_transform
from pipeline import build, distributed
from pipeline.checkpoint import load_model, save_model
from pipeline.config.references import ArtifactRefName, Components, DataRef, ModelRef
from pipeline.config.schema import StageConfig
from pipeline.errors import ConfigError
from pipeline.models.reid import ReIDModel
from pipeline.stage import Output, Stage, StageContext, StageResult
from pipeline.teaching.responses import check_unchanged, weights_digest
from pipeline.training.beta import BetaSettings
from pipeline.training.classifier import Epochs, class_names_of, train_epochs
from pipeline.training.loop import Batches
from pipeline.training.phases import Phase
from pipeline.training.player import Player
from pipeline.training.progress import Progress
from pipeline.training.progressive import ProgressiveTask, Side
from pipeline.training.resuming import loop_hooks, resumed
from pipeline.training.scoped import SOURCE, TARGET
from pipeline.training.settings import AugmentSettings, OptimizerSettings
from pipeline.training.teaching_rules import aggregation_problem

Objectives = Annotated[dict[str, dict[str, Any]], Components("objectives")]


class ClassifierKDConfig(StageConfig):
    """Settings of a classifier's training; without `teacher_objectives` the teacher stays as it is."""

    kind: Literal["classifier_kd"]
    train: ModelRef
    data: DataRef
    target: DataRef | None = None
    teacher: ArtifactRefName | None = None
    init: ArtifactRefName | None = None
    epochs: int | None = Field(None, ge=1)
    steps: int | None = Field(None, ge=1)
    batch: int = Field(64, ge=2)
    target_batch: int | None = Field(None, ge=2)  # null is as large as the source's
    # How the weight moves from the teacher's adaptation to the student, epoch by epoch; null gives both all of it.
    beta: BetaSettings | None = None
    optimizer: OptimizerSettings = OptimizerSettings()
    teacher_optimizer: OptimizerSettings = OptimizerSettings()
    augment: AugmentSettings = AugmentSettings(preset="none")
    objectives: Objectives = Field(default={"cross_entropy": {"smoothing": 0.0}})
    teacher_objectives: Objectives = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_duration(self) -> "ClassifierKDConfig":
        if (self.epochs is None) == (self.steps is None):
            raise ValueError("give either epochs or steps")
        return self

    @model_validator(mode="after")
    def _nothing_in_vain(self) -> "ClassifierKDConfig":
        if self.teacher is None and self.teacher_objectives:
            raise ValueError("teacher_objectives need a teacher")
        if not self.teacher_objectives and self.beta is not None:
            raise ValueError(
                "beta shares the steps with a teacher that learns; give teacher_objectives, or leave it out"
            )
        if self.target == self.data:
            raise ValueError(f"data and target are both {self.data}; name the unlabelled images as target")
        if self.target is None and self.target_batch is not None:
            raise ValueError("target_batch needs a target")
        terms = {**self.objectives, **{f"teacher {name}": {"use": name, **entry}
                                       for name, entry in self.teacher_objectives.items()}}  # fmt: skip
        if self.target is not None and not build.reads_target(terms):
            raise ValueError(f"no objective looks at the target {self.target}; leave it out, or add one such as mmd")
        return self

    @model_validator(mode="after")
    def _terms_have_what_they_need(self) -> "ClassifierKDConfig":
        if not self.objectives:
            raise ValueError("there is no objective")
        has_target = self.target is not None
        problems = build.classifier_term_problems(
            self.objectives, has_teacher=self.teacher is not None, has_target=has_target
        )
        problems += build.classifier_term_problems(self.teacher_objectives, has_teacher=False, has_target=has_target)
        if self.teacher is not None and not any(
            getattr(build.OBJECTIVES.get(str(entry.get("use", name))), "needs_teacher", True)
            for name, entry in self.objectives.items()
        ):
            problems.append("no objective listens to the teacher; leave it out, or add one such as kd")
        problems += filter(None, [aggregation_problem(self.objectives, None)])
        if problems:
            raise ValueError("; ".join(problems))
        return self


def run(context: StageContext) -> StageResult:
    """Train; leave the mean network as 'best', the raw one as 'last', and who taught, as it ended, as 'teacher'.

    No state is chosen by its accuracy: labels of test images are read by evaluate_classifier alone.
    """
    config: ClassifierKDConfig = context.config
    device = build.device(context.run_config.runtime)
    build.seed_everything(context.seed)

    # 1. Labelled images, and unlabelled ones of the target.
    data = {SOURCE: build.class_data(context.run_config.data[config.data], labelled=True)}
    if config.target is not None:
        data[TARGET] = build.class_data(context.run_config.data[config.target], labelled=False)
    images: dict[str, CropDataset] = {}
    for name, part in data.items():
        data[name], images[name] = class_dataset(part, size=_largest_size(context), augment=_augment(context))

    # 2. The networks and how long they learn.
    sampler = UniformSampler(len(data[SOURCE]), batch=config.batch, seed=context.seed % 2**31)
    total = config.steps or (config.epochs or 0) * sampler.steps_per_epoch
    teacher = _teacher(context, device, data[SOURCE].class_names, total=total)
    student = _student(context, device, data[SOURCE].class_names, teacher, total=total)
    frozen_digest = None if teacher is None or teacher.frozen is None else weights_digest(teacher.frozen)
    learns = teacher is not None and teacher.player is not None
    phase = Phase(1.0, learns, True, "nobody" if teacher is None else "mean", "nobody", config.beta is not None)
    task = ProgressiveTask(teacher=teacher, student=student, phase=phase, device=device, total_steps=total)

    # 3. Go on where a killed run stopped, then train.
    state, start = resumed(context)
    if state:
        task.load_state(state)
    progress = Progress(
        context.name, total=total, start=start, every_seconds=context.run_config.runtime.log_every_seconds
    )
    epochs = Epochs(length=sampler.steps_per_epoch, start=start, total=total, beta=config.beta)
    train_epochs(
        task, epochs, lambda first, last: _batches(context, images, first, last),
        hooks=loop_hooks(context, task.state), progress=progress,
    )  # fmt: skip
    progress.close()
    if teacher is not None and teacher.frozen is not None and frozen_digest is not None:
        check_unchanged(teacher.frozen, frozen_digest)
    return _result(context, task, data, steps=total)


def _augment(context: StageContext) -> Any:
    return build_transform(size=_largest_size(context), **context.config.augment.arguments())


def _largest_size(context: StageContext) -> tuple[int, int]:
    """Both networks get the same pixels, each resizes down for itself."""
    size = context.run_config.models[context.config.train].size
    if context.config.teacher is None:
        return size
    teacher = load_model(Path(context.inputs[context.config.teacher].path)).spec["size"]
    return max(teacher[0], size[0]), max(teacher[1], size[1])


def _batches(context: StageContext, images: dict[str, CropDataset], first: int, last: int) -> Iterator[Batches]:
    config: ClassifierKDConfig = context.config
    seed = context.seed % 2**31
    sizes = {SOURCE: config.batch, TARGET: config.target_batch or config.batch}
    streams = [
        iterate_batches(
            part.collect, UniformSampler(len(part), batch=sizes[name], seed=seed), start=first, stop=last,
            seed=seed + place, workers=context.run_config.runtime.workers, rank=distributed.rank(),
            world=distributed.world_size(),
        )
        for place, (name, part) in enumerate(images.items())
    ]  # fmt: skip
    for parts in zip(*streams, strict=True):
        yield dict(zip(images, parts, strict=True))


def _teacher(context: StageContext, device: torch.device, classes: tuple[str, ...], *, total: int) -> Side | None:
    config: ClassifierKDConfig = context.config
    if config.teacher is None:
        return None
    loaded = load_model(Path(context.inputs[config.teacher].path))
    known = class_names_of(loaded, config.teacher)
    if known != classes:
        raise ConfigError(
            f"{config.teacher} tells {len(known)} classes ({', '.join(known[:3])}, ...), data {config.data} has "
            f"{len(classes)} ({', '.join(classes[:3])}, ...)", "a teacher of the same classes",
        )  # fmt: skip
    model: ReIDModel = build.placed(loaded.model, context.run_config.runtime, device)  # type: ignore[assignment]
    if not config.teacher_objectives:
        return Side(
            player=None,
            frozen=model.eval().requires_grad_(False),
            objectives=build.objectives({}, student=model.shape, teacher=None),
        )
    return _side(context, model, config.teacher_objectives, config.teacher_optimizer, total=total, teacher=None)


def _student(
    context: StageContext, device: torch.device, classes: tuple[str, ...], teacher: Side | None, *, total: int
) -> Side:
    config: ClassifierKDConfig = context.config
    spec = build.model_spec(context.run_config.models[config.train])
    if config.init is None:
        fresh = build.reid_model(**spec, num_classes=len(classes))
    else:
        loaded = load_model(Path(context.inputs[config.init].path))
        loaded.check_spec(spec, wanted=config.train)
        fresh = loaded.model
        if tuple(loaded.meta.get("classes", ())) != classes:
            fresh.reset_classifier(len(classes))
    model: ReIDModel = build.placed(fresh, context.run_config.runtime, device)  # type: ignore[assignment]
    return _side(context, model, config.objectives, config.optimizer, total=total, teacher=teacher)


def _side(
    context: StageContext,
    model: ReIDModel,
    entries: dict[str, Any],
    settings: OptimizerSettings,
    *,
    total: int,
    teacher: Side | None,
) -> Side:
    config: ClassifierKDConfig = context.config
    terms = build.classifier_terms(entries, has_target=config.target is not None)
    heard = None if teacher is None else teacher.mean.shape
    objectives = build.objectives(terms, student=model.shape, teacher=heard)
    device = next(model.parameters()).device
    player = Player(
        model, extras=objectives.modules().to(device), taps=objectives.maps,
        precision=build.precision(context.run_config.runtime, device), **settings.player(total_steps=total),
    )  # fmt: skip
    return Side(player=player, frozen=None, objectives=objectives)


def _result(context: StageContext, task: ProgressiveTask, data: dict[str, ClassData], *, steps: int) -> StageResult:
    config: ClassifierKDConfig = context.config
    spec = build.model_spec(context.run_config.models[config.train])
    player = task.student.player
    assert player is not None, "the student learns"
    files: dict[str, tuple[ReIDModel, Any]] = {"best": (player.mean, spec), "last": (player.model, spec)}
    if task.teacher is not None and config.teacher is not None:
        told = dict(load_model(Path(context.inputs[config.teacher].path)).spec)
        files["teacher"] = (task.teacher.mean, told)
    meta = {"stage": context.name, "steps": steps, "classes": list(data[SOURCE].class_names)}
    outputs = {}
    for role, (model, model_spec) in files.items():
        if distributed.rank() == 0:
            save_model(context.attempt / f"{role}.safetensors", model, spec=model_spec, meta={**meta, "role": role})
        outputs[role] = Output(f"{role}.safetensors", {**meta, "role": role})
    # Who had no teacher was its own.
    outputs.setdefault("teacher", outputs["best"])
    distributed.barrier()
    names = {SOURCE: config.data, TARGET: config.target}
    listing = {str(names[domain]): part.facts(labels_read=domain == SOURCE) for domain, part in data.items()}
    metrics = {"steps": steps, "classes": len(data[SOURCE].class_names), "images": len(data[SOURCE])}
    return StageResult(outputs=outputs, metrics=metrics, data=listing)


STAGE = Stage("classifier_kd", 1, ClassifierKDConfig, ("best", "last", "teacher"), run)
