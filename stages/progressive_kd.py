"""Adapt a teacher to unlabelled target cameras while a small student learns from it, round by round."""

import copy
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from datasets.cache import load_pixels
from datasets.labels import camera_indices, class_labels
from datasets.loader import CropDataset
from datasets.records import ReIDData
from datasets.transforms import build_transform
from pipeline import build, distributed
from pipeline.checkpoint import save_model
from pipeline.metrics.match_record import MatchRecord
from pipeline.models.camera_statistics import CameraStatistics, fit_camera_statistics
from pipeline.models.reid import ReIDModel
from pipeline.stage import Output, Stage, StageContext, StageResult
from pipeline.teaching.responses import check_unchanged, weights_digest
from pipeline.teaching.route import spread
from pipeline.training.adaptation import Adaptation, Domains, Plan
from pipeline.training.aggregation_file import load_aggregation
from pipeline.training.clustering_settings import ClusteringSettings
from pipeline.training.extraction import extract_embeddings
from pipeline.training.loop import LoopHooks
from pipeline.training.made_images import load_made_images
from pipeline.training.match_calibration import calibrate, target_crops
from pipeline.training.match_people import match_data_facts, people_to_match
from pipeline.training.memory import AdaptationMemory
from pipeline.training.phases import Round
from pipeline.training.player import Player
from pipeline.training.progressive import ProgressiveTask, Side
from pipeline.training.progressive_config import ProgressiveKDConfig
from pipeline.training.relabel import TargetCrops
from pipeline.training.remembering import load_memory, split_terms
from pipeline.training.resuming import loop_hooks, resumed
from pipeline.training.route_parts import RouteParts, leave_route
from pipeline.training.route_walk import follow_route, renew_space
from pipeline.training.student import starting_student, trained_spec
from pipeline.training.target_tracklets import used_tracklets
from pipeline.training.teachers import LoadedTeacher, load_teacher, routed_teacher, steps_of_route
from pipeline.training.tensor_names import under

logger = logging.getLogger(__name__)


def run(context: StageContext) -> StageResult:
    """Adapt; leave the chosen student as 'best', the last one as 'last', the teacher as 'teacher' and its 'route'."""
    config: ProgressiveKDConfig = context.config
    device = build.device(context.run_config.runtime)
    build.seed_everything(context.seed)

    # 1. Labelled source crops, or images in their place, and unlabelled target crops.
    source, identities = _source(context)
    target = build.reid_data(context.run_config.data[config.target], labelled=False)
    loaded = load_teacher(
        [Path(context.inputs[name].path) for name in config.teachers], route=config.route_settings,
        ensemble=config.ensemble, seed=context.seed,
    )  # fmt: skip
    domains = _domains(config, source, target, size=_largest_size(context, loaded), identities=identities)

    # 2. The two networks and who of them learns when.
    schedule = config.schedule(states=len(loaded.states))
    teacher = _teacher(context, device, loaded, schedule)
    student = _student(context, device, domains, teacher, schedule=schedule)
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
    if teacher.route is not None:
        # What was digested is the end of the way.
        teacher.route.arrive()
    if teacher.frozen is not None and frozen_digest is not None:
        check_unchanged(teacher.frozen, frozen_digest)
    if student.memory is not None:
        student.memory.check_unchanged()

    # 4. Hand over networks with the statistics of the target's cameras.
    parts = {config.target: domains.target.crops.cache.data}
    if config.source is not None:
        parts = {config.source: domains.source.cache.data, **parts}
    return _result(context, task, memory, domains, parts=parts, spec=loaded.specs[0], schedule=schedule)


def _adaptation(context: StageContext, task: ProgressiveTask, domains: Domains, schedule: list[Round]) -> Adaptation:
    config, runtime = context.config, context.run_config.runtime
    plan = Plan(
        schedule=schedule, steps=config.steps, source_batch=config.source_batch, target_batch=config.target_batch,
        beta=config.beta, clustering=_clustering(config), selection=config.selection, seed=context.seed % 2**31,
        workers=runtime.workers, log_every_seconds=runtime.log_every_seconds,
    )  # fmt: skip

    def hooks(memory: AdaptationMemory) -> LoopHooks:
        return loop_hooks(context, lambda: task.state() | {f"memory.{k}": v for k, v in memory.tensors().items()})

    def on_round(number: int) -> None:
        if config.anchors > 1 and task.teacher is not None:
            RouteParts(context.attempt).keep(number, task.teacher.mean)
        follow_route(task, number * config.steps, domains.target.crops, context.metrics.write)
        if not config.keep_rounds:
            return
        spec = trained_spec(context, config.train)
        statistics = _statistics(task.student.mean, domains, config)
        if distributed.rank() == 0:
            save_model(
                context.attempt / f"round-{number:03d}.safetensors", task.student.mean, spec=spec, cameras=statistics
            )

    precision = build.precision(runtime, task.device)
    task.on_switch = lambda: renew_space(
        task, domains.target, standardise=plan.clustering.standardise, precision=precision
    )
    return Adaptation(
        task=task, domains=domains, plan=plan, precision=precision, log=context.metrics.write, hooks=hooks,
        on_round=on_round, embeddings=build.embedding_folder(runtime), title=context.name,
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


def _largest_size(context: StageContext, loaded: LoadedTeacher) -> tuple[int, int]:
    """All networks get the same pixels, each resizes down for itself."""
    teacher = loaded.size
    student = context.run_config.models[context.config.train].size
    return max(teacher[0], student[0]), max(teacher[1], student[1])


def _source(context: StageContext) -> tuple[ReIDData, int | None]:
    """Return what is labelled, and of how many persons where the crops do not tell."""
    config: ProgressiveKDConfig = context.config
    if config.images is None:
        assert config.source is not None, "checked when the settings were read"
        return build.reid_data(context.run_config.data[config.source], labelled=True), None
    made = load_made_images(Path(context.inputs[config.images].path))
    return made.as_data(config.images), made.identities


def _domains(
    config: ProgressiveKDConfig, source: ReIDData, target: ReIDData, *, size: tuple[int, int], identities: int | None
) -> Domains:  # fmt: skip
    source, source_cache = load_pixels(source, size=size)
    target, target_cache = load_pixels(target, size=size)
    if len(target.cameras) == 1:
        logger.warning(
            "%s has one camera alone: what a person looks like to another one cannot be learnt from it", config.target
        )
    augment = build_transform(size=size, **config.augment.arguments())
    labels, persons = class_labels(source)
    if identities is not None:
        # Classes are those of the teacher, though some of its persons may have no image.
        labels = np.array(persons)[labels]
    return Domains(
        source=CropDataset(source_cache, labels, camera_indices(source), augment),
        target=TargetCrops(
            CropDataset(target_cache, None, camera_indices(target), augment),
            target.cameras,
            used_tracklets(target, config.clustering.tracklets),
        ),
        num_identities=int(labels.max()) + 1 if identities is None else identities,
    )


def _teacher(context: StageContext, device: Any, loaded: LoadedTeacher, schedule: list[Round]) -> Side:
    config: ProgressiveKDConfig = context.config
    model: ReIDModel = build.placed(loaded.model, context.run_config.runtime, device)  # type: ignore[assignment]
    objectives = build.objectives(config.teacher_terms, student=model.shape, teacher=None)
    total = config.steps * sum(now.phase.teacher_learns for now in schedule)
    if not total:
        side = Side(player=None, frozen=model.eval().requires_grad_(False), objectives=objectives)
        if config.route_settings is not None:
            heard = steps_of_route(schedule, config.steps)
            side.route = routed_teacher(model, loaded.states, config.route_settings, steps=heard)
        return side
    _start_head(config, model)
    settings = config.teacher_settings.player(total_steps=total)
    return Side(player=_player(context, model, objectives, device, settings), frozen=None, objectives=objectives)


def _student(context: StageContext, device: Any, domains: Domains, teacher: Side, *, schedule: list[Round]) -> Side:
    config: ProgressiveKDConfig = context.config
    model = starting_student(context, domains.num_identities, device)
    is_taught = any(now.phase.teaches != "nobody" for now in schedule)
    heard = teacher.mean.shape if is_taught else None
    searched = None if config.aggregation is None else load_aggregation(Path(context.inputs[config.aggregation].path))
    terms, remembering = split_terms(config.student_terms)
    objectives = build.objectives(terms, student=model.shape, teacher=heard, searched=searched)
    memory = load_memory(context, remembering, student=model.shape, device=device)
    _start_head(config, model)
    total = config.steps * sum(now.phase.student_learns for now in schedule)
    settings = config.optimizer.player(total_steps=total)
    player = _player(context, model, objectives, device, settings)
    return Side(player=player, frozen=None, objectives=objectives, memory=memory)


def _start_head(config: ProgressiveKDConfig, model: ReIDModel) -> None:
    """Let both networks begin with the same answer where the settings say so."""
    head = model.neck.classifier
    if config.prokt_settings is not None and config.prokt_settings.zero_init_head and head is not None:
        for weights in head.parameters():
            nn.init.zeros_(weights)


def _player(context: StageContext, model: ReIDModel, objectives: Any, device: Any, settings: dict[str, Any]) -> Player:
    return Player(
        model,
        extras=objectives.modules().to(device),
        taps=objectives.maps,
        precision=build.precision(context.run_config.runtime, device),
        **settings,
    )


def _route(
    context: StageContext, teacher: ReIDModel, memory: AdaptationMemory, schedule: list[Round], *,
    spec: Mapping[str, Any],
) -> Output:  # fmt: skip
    """Leave the teacher's states from before the first round to the chosen one; those taken back are no part."""
    passed = [n for n in memory.path if n <= memory.best_round and (n == 0 or schedule[n - 1].phase.teacher_learns)]
    at = spread(passed, context.config.anchors)
    meta = {"stage": context.name, "role": "route", "at": at}
    if distributed.rank() == 0:
        leave_route(context.attempt, teacher, at, spec=spec, meta=meta)
    # A route of one state is that state's own file.
    return Output("route.safetensors" if len(at) > 1 else "teacher.safetensors", meta)


def _match(
    config: ProgressiveKDConfig, model: ReIDModel, domains: Domains, memory: AdaptationMemory, *,
    statistics: CameraStatistics | None, people: CropDataset | None,
) -> MatchRecord:  # fmt: skip
    """Return from which distance on two crops show two people; images that were made show nobody."""
    return calibrate(
        model, None if config.source is None else domains.source,
        target_crops(model, domains.target, memory.labels, statistics=statistics),
        names={"persons": config.source or "", "clusters": config.target, "new_persons": config.match_data or ""},
        is_standardised=statistics is not None, new_people=people,
    )  # fmt: skip


def _result(
    context: StageContext,
    task: ProgressiveTask,
    memory: AdaptationMemory,
    domains: Domains,
    *,
    parts: dict[str, ReIDData],
    spec: Mapping[str, Any],
    schedule: list[Round],
) -> StageResult:
    config: ProgressiveKDConfig = context.config
    student_spec = trained_spec(context, config.train)
    last = copy.deepcopy(task.student.mean)
    memory.restore(task.sides)
    assert task.teacher is not None, "this stage has a teacher"
    files = {"best": (task.student.mean, student_spec), "last": (last, student_spec)}
    outputs, matches = {}, {}
    people = people_to_match(context, size=domains.source.cache.size)
    if len(config.teachers) == 1:
        files["teacher"] = task.teacher.mean, dict(spec)
        outputs["route"] = _route(context, task.teacher.mean, memory, schedule, spec=spec)
    for role, (model, model_spec) in files.items():
        meta = {"stage": context.name, "role": role, "mode": config.mode, "round": memory.best_round}
        statistics = _statistics(model, domains, config)
        match = None
        if role != "last":
            match = _match(config, model, domains, memory, statistics=statistics, people=people)
        if match is not None:
            matches[role] = match.summary(is_standardised=statistics is not None)
        if distributed.rank() == 0:
            save_model(
                context.attempt / f"{role}.safetensors", model, spec=model_spec, cameras=statistics, meta=meta,
                match=match,
            )  # fmt: skip
        outputs[role] = Output(f"{role}.safetensors", meta)
    distributed.barrier()
    listing = {name: part.facts(labels_read=name == config.source) for name, part in parts.items()}
    listing |= match_data_facts(context, people)
    metrics = {
        "mode": config.mode, "rounds": config.rounds, "steps": config.steps, "chosen_round": memory.best_round,
        "chosen_score": memory.best_score, "rollbacks": memory.rollbacks, "match": matches,
    }  # fmt: skip
    return StageResult(outputs=outputs, metrics=metrics, data=listing)


STAGE = Stage("progressive_kd", 1, ProgressiveKDConfig, ("best", "last", "teacher", "route"), run)
