"""Distil a pedestrian detector into a small one, level by level, and adapt it to unlabelled target frames."""

import copy
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from pipeline import build, distributed
from pipeline.checkpoint import load_detector, save_detector
from pipeline.config.references import ArtifactRefName, Components, DataRef, DetectorRef, Operational
from pipeline.config.schema import StageConfig
from pipeline.models.detection.detector import Detector
from pipeline.stage import Output, Stage, StageContext, StageResult
from pipeline.teaching.responses import check_unchanged, weights_digest
from pipeline.training.beta import BetaSettings
from pipeline.training.detection.defaults import LEVELS
from pipeline.training.detection.distil import DetectorDistillationTask, DetectorSide
from pipeline.training.detection.domains import plain, with_domains
from pipeline.training.detection.memory import DetectorMemory
from pipeline.training.detection.objectives import DetectionObjectives
from pipeline.training.detection.player import DetectorPlayer
from pipeline.training.detection.rounds import DetectorRounds, StreetDomains, StreetPlan
from pipeline.training.detection.settings import DetectorOptimizerSettings, FrameSettings, PseudoBoxSettings
from pipeline.training.loop import LoopHooks
from pipeline.training.resuming import loop_hooks, resumed
from pipeline.training.scoped import SOURCE, TARGET
from pipeline.training.tensor_names import under

Objectives = Annotated[dict[str, dict[str, Any]], Components("detection_objectives")]


class DetectorKDConfig(StageConfig):
    """Settings of hierarchical distillation of a detector."""

    kind: Literal["detector_kd"]
    # Without a teacher a detector adapts by boxes of its own mean: what a teacher does before it teaches.
    teacher: ArtifactRefName | None = None
    train: DetectorRef
    init: ArtifactRefName | None = None
    source: DataRef
    # Without a target the student learns on the source alone.
    target: DataRef | None = None
    rounds: int = Field(6, ge=1)
    steps: int = Field(50, ge=1)  # of each round
    batch: int = Field(8, ge=1)  # frames of each domain
    # Whether the teacher adapts to the target too, from boxes of its own mean.
    teacher_learns: bool = False
    beta: BetaSettings = BetaSettings()
    teacher_optimizer: DetectorOptimizerSettings = DetectorOptimizerSettings(lr=2e-3)
    optimizer: DetectorOptimizerSettings = DetectorOptimizerSettings()
    frames: FrameSettings = FrameSettings()
    pseudo: PseudoBoxSettings = PseudoBoxSettings()
    # Share of the source frames that are learnt from in the colours of target frames.
    style: float = Field(0.75, ge=0, le=1)
    # null takes the levels that are measured to work for the detector's kind; {} switches distillation off.
    objectives: Objectives | None = None
    # Frames that calibration and the label-free choice of the checkpoint look at.
    judged: int = Field(48, ge=1)
    keep_rounds: Operational[bool] = False

    @model_validator(mode="after")
    def _two_domains(self) -> "DetectorKDConfig":
        if self.source == self.target:
            raise ValueError(f"source and target are both {self.source}; name the frames of the new cameras as target")
        if self.teacher_learns and self.target is None:
            raise ValueError("teacher_learns needs a target; without one the teacher has nothing new to learn")
        return self

    @model_validator(mode="after")
    def _with_or_without_a_teacher(self) -> "DetectorKDConfig":
        if self.teacher is not None:
            return self
        if self.target is None:
            raise ValueError("neither teacher nor target; name one of both, or use a detector_pretrain stage")
        if self.objectives or self.teacher_learns or self.pseudo.by == "teacher":
            raise ValueError("objectives, teacher_learns and pseudo.by: teacher need a teacher; name one, or drop them")
        return self


def run(context: StageContext) -> StageResult:
    """Distil; leave the chosen student as 'best', the last one as 'last', and the teacher as 'teacher'."""
    config: DetectorKDConfig = context.config
    device = build.device(context.run_config.runtime)
    build.seed_everything(context.seed)

    # 1. Labelled source frames, unlabelled target frames, at the size that the larger input wants.
    loaded = None if config.teacher is None else load_detector(Path(context.inputs[config.teacher].path), domain=SOURCE)
    spec = build.model_spec(context.run_config.models[config.train])
    specs = spec if loaded is None else dict(loaded.spec), spec
    size = tuple(max(pair) for pair in zip(*(one["size"] for one in specs), strict=True))
    domains, listing = _domains(context, size)

    # 2. The two detectors, with statistics of each domain.
    teacher = None if loaded is None else _teacher(context, loaded.model, domains, device)
    student, objectives = _student(context, teacher, domains, device)
    frozen = None if teacher is None else teacher.frozen
    digest = None if frozen is None else weights_digest(frozen)

    # 3. Rounds: calibrate, judge without labels, train.
    task = DetectorDistillationTask(
        teacher=teacher,
        student=student,
        objectives=objectives,
        pseudo=config.pseudo,
        style=config.style,
        device=device,
        min_height=config.frames.min_height,
    )
    memory = DetectorMemory()
    state, start = resumed(context)
    if state:
        task.load_state(state)
        memory = DetectorMemory.of(under(state, "memory."))
    memory = _rounds(context, task, domains).run(memory, start=start)
    if frozen is not None and digest is not None:
        check_unchanged(frozen, digest)

    # 4. Hand over.
    return _result(context, task, memory, specs=specs, listing=listing)


def _placed(context: StageContext, model: Detector, domains: StreetDomains, device: Any) -> Detector:
    placed: Detector = build.placed(model, context.run_config.runtime, device)  # type: ignore[assignment]
    if domains.target is None:
        return placed
    return with_domains(placed, domains.target, count=context.config.judged)


def _teacher(context: StageContext, model: Detector, domains: StreetDomains, device: Any) -> DetectorSide:
    config: DetectorKDConfig = context.config
    model = _placed(context, model, domains, device)
    if not config.teacher_learns:
        return DetectorSide(player=None, frozen=model.eval().requires_grad_(False))
    settings = config.teacher_optimizer.player(total_steps=config.rounds * config.steps)
    player = DetectorPlayer(model, precision=build.precision(context.run_config.runtime, device), **settings)
    return DetectorSide(player=player, frozen=None)


def _student(
    context: StageContext, teacher: DetectorSide | None, domains: StreetDomains, device: Any
) -> tuple[DetectorSide, DetectionObjectives]:
    config: DetectorKDConfig = context.config
    spec = build.model_spec(context.run_config.models[config.train])
    if config.init is None:
        fresh = build.detector(**spec)
    else:
        loaded = load_detector(Path(context.inputs[config.init].path), domain=SOURCE)
        loaded.check_spec(spec, wanted=config.train)
        fresh = loaded.model
    model = _placed(context, fresh, domains, device)
    terms = config.objectives if config.objectives is not None else LEVELS[model.shape.kind]
    heard = model if teacher is None else teacher.mean
    terms = {} if teacher is None else terms
    objectives = build.detection_objectives(terms, student=model.shape, teacher=heard.shape)
    player = DetectorPlayer(
        model, extras=objectives.modules().to(device), precision=build.precision(context.run_config.runtime, device),
        **config.optimizer.player(total_steps=config.rounds * config.steps),
    )  # fmt: skip
    return DetectorSide(player=player, frozen=None), objectives


def _domains(context: StageContext, size: tuple[int, ...]) -> tuple[StreetDomains, dict[str, Any]]:
    config: DetectorKDConfig = context.config
    data = context.run_config.data
    source = build.frame_data(data[config.source], labelled=True)
    listing = {config.source: source.facts(labels_read=True)}
    known = config.pseudo.foreground and config.target is not None
    frames = build.frame_dataset(source, size=size, backgrounds=known, **config.frames.model_dump())
    if config.target is None:
        return StreetDomains(frames, None), listing
    target = build.frame_data(data[config.target], labelled=False)
    listing[config.target] = target.facts(labels_read=False)
    unlabelled = build.frame_dataset(target, size=size, augment=config.pseudo.strong, backgrounds=known)
    return StreetDomains(frames, unlabelled), listing


def _rounds(context: StageContext, task: DetectorDistillationTask, domains: StreetDomains) -> DetectorRounds:
    config, runtime = context.config, context.run_config.runtime
    plan = StreetPlan(
        rounds=config.rounds, steps=config.steps, batch=config.batch, beta=config.beta, judged=config.judged,
        seed=context.seed % 2**31, workers=runtime.workers, log_every_seconds=runtime.log_every_seconds,
    )  # fmt: skip

    def hooks(memory: DetectorMemory) -> LoopHooks:
        return loop_hooks(context, lambda: task.state() | {f"memory.{k}": v for k, v in memory.tensors().items()})

    def keep_round(number: int) -> None:
        if config.keep_rounds and distributed.rank() == 0:
            spec = build.model_spec(context.run_config.models[config.train])
            _save(context.attempt / f"round-{number:03d}.safetensors", task.student.mean, spec=spec, meta={})

    return DetectorRounds(
        task=task, domains=domains, plan=plan, precision=build.precision(runtime, task.device),
        log=context.metrics.write, hooks=hooks, on_round=keep_round,
    )  # fmt: skip


def _save(path: Path, model: Detector, *, spec: dict[str, Any], meta: dict[str, Any]) -> None:
    """Write the detector for the target's cameras, and beside its statistics those of the source."""
    others = {SOURCE: plain(model, SOURCE)}
    save_detector(path, plain(model, TARGET), spec=spec, meta=meta, other_statistics=others)


def _result(
    context: StageContext,
    task: DetectorDistillationTask,
    memory: DetectorMemory,
    *,
    specs: tuple[dict[str, Any], dict[str, Any]],
    listing: dict[str, Any],
) -> StageResult:
    teacher_spec, spec = specs
    last = copy.deepcopy(task.student.mean)
    memory.restore(task.sides)
    teacher = last if task.teacher is None else task.teacher.mean
    files = {"best": (task.student.mean, spec), "last": (last, spec), "teacher": (teacher, teacher_spec)}
    outputs = {}
    for role, (model, model_spec) in files.items():
        meta = {"stage": context.name, "role": role, "round": memory.best_round}
        if distributed.rank() == 0:
            _save(context.attempt / f"{role}.safetensors", model, spec=model_spec, meta=meta)
        outputs[role] = Output(f"{role}.safetensors", meta)
    distributed.barrier()
    config: DetectorKDConfig = context.config
    metrics = {
        "rounds": config.rounds, "steps": config.steps, "chosen_round": memory.best_round,
        "chosen_score": memory.best_score, "objectives": [term.name for term in task.objectives.terms],
    }  # fmt: skip
    return StageResult(outputs=outputs, metrics=metrics, data=listing)


STAGE = Stage("detector_kd", 3, DetectorKDConfig, ("best", "last", "teacher"), run)
