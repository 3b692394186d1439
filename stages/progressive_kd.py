"""Adapt a teacher to unlabelled target cameras while a small student learns from it, round by round."""

import copy
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from datasets.cache import load_pixels
from datasets.labels import camera_indices, class_labels
from datasets.loader import CropDataset
from datasets.records import ReIDData
from datasets.transforms import build_transform
from pipeline import build, distributed
from pipeline.checkpoint import load_model, save_model
from pipeline.config.references import ArtifactRefName, Components, DataRef, ModelRef, Operational
from pipeline.config.schema import StageConfig
from pipeline.models.camera_statistics import CameraStatistics, fit_camera_statistics
from pipeline.models.reid import ReIDModel
from pipeline.stage import Output, Stage, StageContext, StageResult
from pipeline.teaching.responses import check_unchanged, weights_digest
from pipeline.training.adaptation import Adaptation, Domains, Plan
from pipeline.training.beta import BetaSettings
from pipeline.training.clustering_settings import ClusteringSettings
from pipeline.training.extraction import extract_embeddings
from pipeline.training.loop import LoopHooks
from pipeline.training.memory import AdaptationMemory
from pipeline.training.mode_defaults import STUDENT_TERMS, TEACHER_TERMS
from pipeline.training.phases import MODES, Round, rounds_of
from pipeline.training.player import Player
from pipeline.training.progressive import ProgressiveTask, Side
from pipeline.training.relabel import TargetCrops
from pipeline.training.resuming import loop_hooks, resumed
from pipeline.training.selection import SelectionSettings
from pipeline.training.settings import AugmentSettings, BatchSettings, OptimizerSettings
from pipeline.training.tensor_names import under

Objectives = Annotated[dict[str, dict[str, Any]], Components("objectives")]
Mode = Literal["joint", "two_stage", "distil_then_adapt", "kd_only", "uda_only", "as_published"]


class ProgressiveKDConfig(StageConfig):
    """Settings of joint progressive distillation and unsupervised adaptation."""

    kind: Literal["progressive_kd"]
    mode: Mode = "joint"
    teacher: ArtifactRefName
    train: ModelRef
    init: ArtifactRefName | None = None
    source: DataRef
    target: DataRef
    rounds: int = Field(8, ge=1)
    steps: int = Field(40, ge=1)  # of each round
    source_batch: BatchSettings = BatchSettings()
    target_batch: BatchSettings = BatchSettings()
    beta: BetaSettings = BetaSettings()
    teacher_optimizer: OptimizerSettings = OptimizerSettings(lr=8e-3)
    # Larger than the teacher's: beta scales it down in the rounds in which the rate is high.
    optimizer: OptimizerSettings = OptimizerSettings(lr=1.2e-2)
    augment: AugmentSettings = AugmentSettings()
    # null takes the mode's own terms.
    teacher_objectives: Objectives | None = None
    objectives: Objectives | None = None
    clustering: ClusteringSettings = ClusteringSettings()
    selection: SelectionSettings = SelectionSettings()
    keep_rounds: Operational[bool] = False

    @model_validator(mode="after")
    def _enough_rounds(self) -> "ProgressiveKDConfig":
        if any(round(phase.share * self.rounds) < 1 for phase in MODES[self.mode]):
            raise ValueError(f"mode {self.mode} needs at least 2 rounds")
        return self

    @model_validator(mode="after")
    def _two_domains(self) -> "ProgressiveKDConfig":
        if self.source == self.target:
            raise ValueError(f"source and target are both {self.source}; name the data of the new cameras as target")
        return self


def run(context: StageContext) -> StageResult:
    """Adapt; leave the chosen student as 'best', the last one as 'last', and the adapted teacher as 'teacher'."""
    config: ProgressiveKDConfig = context.config
    device = build.device(context.run_config.runtime)
    build.seed_everything(context.seed)

    # 1. Labelled source and unlabelled target crops.
    source = build.reid_data(context.run_config.data[config.source], labelled=True)
    target = build.reid_data(context.run_config.data[config.target], labelled=False)
    domains = _domains(config, source, target, size=_largest_size(context))

    # 2. The two networks and who of them learns when.
    schedule = rounds_of(config.mode, config.rounds)
    total = config.rounds * config.steps
    teacher = _teacher(context, device, total=total)
    student = _student(context, device, domains, total=total)
    frozen_digest = None if teacher.frozen is None else weights_digest(teacher.frozen)
    task = ProgressiveTask(
        teacher=teacher,
        student=student,
        phase=schedule[0].phase,
        device=device,
        total_steps=len(schedule) * config.steps,
    )

    # 3. Rounds: embed, judge without labels, cluster, train.
    memory = AdaptationMemory()
    state, start = resumed(context)
    if state:
        task.load_state(state)
        memory = AdaptationMemory.of(under(state, "memory."))
    memory = _adaptation(context, task, domains, schedule).run(memory, start=start)
    if teacher.frozen is not None and frozen_digest is not None:
        check_unchanged(teacher.frozen, frozen_digest)

    # 4. Hand over networks with the statistics of the target's cameras.
    parts = {config.source: domains.source.cache.data, config.target: domains.target.crops.cache.data}
    return _result(context, task, memory, domains, parts=parts)


def _adaptation(context: StageContext, task: ProgressiveTask, domains: Domains, schedule: list[Round]) -> Adaptation:
    config, runtime = context.config, context.run_config.runtime
    plan = Plan(
        schedule=schedule, steps=config.steps, source_batch=config.source_batch, target_batch=config.target_batch,
        beta=config.beta, clustering=_clustering(config), selection=config.selection, seed=context.seed % 2**31,
        workers=runtime.workers, log_every_seconds=runtime.log_every_seconds,
    )  # fmt: skip

    def hooks(memory: AdaptationMemory) -> LoopHooks:
        return loop_hooks(context, lambda: task.state() | {f"memory.{k}": v for k, v in memory.tensors().items()})

    def keep_round(number: int) -> None:
        if not config.keep_rounds:
            return
        spec = build.model_spec(context.run_config.models[config.train])
        statistics = _statistics(task.student.mean, domains, config)
        if distributed.rank() == 0:
            save_model(
                context.attempt / f"round-{number:03d}.safetensors", task.student.mean, spec=spec, cameras=statistics
            )

    return Adaptation(
        task=task, domains=domains, plan=plan, precision=build.precision(runtime, task.device),
        log=context.metrics.write, hooks=hooks, on_round=keep_round,
    )  # fmt: skip


def _clustering(config: ProgressiveKDConfig) -> ClusteringSettings:
    # The published method compares plain embeddings; per-camera statistics came later.
    if config.mode == "as_published":
        return config.clustering.model_copy(update={"standardise": False})
    return config.clustering


def _statistics(model: ReIDModel, domains: Domains, config: ProgressiveKDConfig) -> CameraStatistics | None:
    if not _clustering(config).standardise:
        return None
    target = domains.target
    return fit_camera_statistics(extract_embeddings(model, target.crops), target.cameras, names=target.names)


def _largest_size(context: StageContext) -> tuple[int, int]:
    """Both networks get the same pixels, each resizes down for itself."""
    teacher = load_model(Path(context.inputs[context.config.teacher].path)).spec["size"]
    student = context.run_config.models[context.config.train].size
    return max(teacher[0], student[0]), max(teacher[1], student[1])


def _domains(config: ProgressiveKDConfig, source: ReIDData, target: ReIDData, *, size: tuple[int, int]) -> Domains:
    source, source_cache = load_pixels(source, size=size)
    target, target_cache = load_pixels(target, size=size)
    augment = build_transform(
        config.augment.preset, size=size, erasing=config.augment.erasing, colour=config.augment.colour
    )
    labels, _ = class_labels(source)
    return Domains(
        source=CropDataset(source_cache, labels, camera_indices(source), augment),
        target=TargetCrops(CropDataset(target_cache, None, camera_indices(target), augment), target.cameras),
        num_identities=int(labels.max()) + 1,
    )


def _teacher(context: StageContext, device: Any, *, total: int) -> Side:
    config: ProgressiveKDConfig = context.config
    loaded = load_model(Path(context.inputs[config.teacher].path)).model
    model: ReIDModel = build.placed(loaded, context.run_config.runtime, device)  # type: ignore[assignment]
    terms = config.teacher_objectives if config.teacher_objectives is not None else TEACHER_TERMS[config.mode]
    objectives = build.objectives(terms, width=model.embedding_width)
    if not any(phase.teacher_learns for phase in MODES[config.mode]):
        return Side(player=None, frozen=model.eval().requires_grad_(False), objectives=objectives)
    settings = config.teacher_optimizer.player(total_steps=total)
    return Side(player=_player(context, model, objectives, device, settings), frozen=None, objectives=objectives)


def _student(context: StageContext, device: Any, domains: Domains, *, total: int) -> Side:
    config: ProgressiveKDConfig = context.config
    spec = build.model_spec(context.run_config.models[config.train])
    if config.init is not None:
        loaded = load_model(Path(context.inputs[config.init].path))
        loaded.check_spec(spec, wanted=config.train)
        fresh = loaded.model
        if fresh.num_classes != domains.num_identities:
            fresh.reset_classifier(domains.num_identities)
    else:
        fresh = build.reid_model(**spec, num_classes=domains.num_identities)
    model: ReIDModel = build.placed(fresh, context.run_config.runtime, device)  # type: ignore[assignment]
    terms = config.objectives if config.objectives is not None else STUDENT_TERMS[config.mode]
    objectives = build.objectives(terms, width=model.embedding_width)
    settings = config.optimizer.player(total_steps=total)
    return Side(player=_player(context, model, objectives, device, settings), frozen=None, objectives=objectives)


def _player(context: StageContext, model: ReIDModel, objectives: Any, device: Any, settings: dict[str, Any]) -> Player:
    return Player(
        model,
        extras=objectives.modules().to(device),
        taps=objectives.maps,
        precision=build.precision(context.run_config.runtime, device),
        **settings,
    )


def _result(
    context: StageContext,
    task: ProgressiveTask,
    memory: AdaptationMemory,
    domains: Domains,
    *,
    parts: dict[str, ReIDData],
) -> StageResult:
    config: ProgressiveKDConfig = context.config
    spec = build.model_spec(context.run_config.models[config.train])
    teacher_spec = dict(load_model(Path(context.inputs[config.teacher].path)).spec)
    last = copy.deepcopy(task.student.mean)
    memory.restore(task.sides)
    teacher = task.teacher.mean if task.teacher is not None else last
    files = {"best": (task.student.mean, spec), "last": (last, spec), "teacher": (teacher, teacher_spec)}
    outputs = {}
    for role, (model, model_spec) in files.items():
        meta = {"stage": context.name, "role": role, "mode": config.mode, "round": memory.best_round}
        statistics = _statistics(model, domains, config)
        if distributed.rank() == 0:
            save_model(context.attempt / f"{role}.safetensors", model, spec=model_spec, cameras=statistics, meta=meta)
        outputs[role] = Output(f"{role}.safetensors", meta)
    distributed.barrier()
    listing = {name: part.facts(labels_read=name == config.source) for name, part in parts.items()}
    metrics = {
        "mode": config.mode, "rounds": config.rounds, "steps": config.steps, "chosen_round": memory.best_round,
        "chosen_score": memory.best_score, "rollbacks": memory.rollbacks,
    }  # fmt: skip
    return StageResult(outputs=outputs, metrics=metrics, data=listing)


STAGE = Stage("progressive_kd", 1, ProgressiveKDConfig, ("best", "last", "teacher"), run)
