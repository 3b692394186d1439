"""Teach one small student for several unlabelled targets, by one teacher each that adapts to its target."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from datasets.cache import load_pixels
from datasets.labels import camera_indices, class_labels
from datasets.loader import CropDataset
from datasets.records import ReIDData
from datasets.transforms import build_transform
from pipeline import build, distributed
from pipeline.checkpoint import load_model, save_model
from pipeline.models.camera_statistics import CameraStatistics
from pipeline.models.joined_cameras import joined_statistics
from pipeline.models.reid import ReIDModel
from pipeline.stage import Output, Stage, StageContext, StageResult
from pipeline.teaching.responses import check_unchanged, weights_digest
from pipeline.training.adaptation import Adaptation, Plan
from pipeline.training.extraction import extract_embeddings
from pipeline.training.loop import LoopHooks
from pipeline.training.match_calibration import calibrate, target_crops
from pipeline.training.match_people import match_data_facts, people_to_match
from pipeline.training.memory import MultiTargetMemory
from pipeline.training.multi_target import MultiTargetDomains, MultiTargetTask
from pipeline.training.multi_target_config import MultiTargetKDConfig
from pipeline.training.multi_target_modes import MULTI_TARGET_BETA, multi_target_rounds
from pipeline.training.phases import Round
from pipeline.training.player import Player
from pipeline.training.progressive import ProgressiveTask, Side
from pipeline.training.relabel import TargetCrops
from pipeline.training.resuming import loop_hooks, resumed
from pipeline.training.scoped import ScopedObjectives
from pipeline.training.student import starting_student
from pipeline.training.target_tracklets import used_tracklets
from pipeline.training.tensor_names import under


def run(context: StageContext) -> StageResult:
    """Adapt; leave the chosen student as 'best' and the last one as 'last', with the cameras of all targets."""
    config: MultiTargetKDConfig = context.config
    device = build.device(context.run_config.runtime)
    build.seed_everything(context.seed)

    # 1. Labelled source and the unlabelled crops of each target.
    source = build.reid_data(context.run_config.data[config.source], labelled=True)
    targets = {name: build.reid_data(context.run_config.data[name], labelled=False) for name in config.targets}
    domains = _domains(config, source, targets, size=_largest_size(context))

    # 2. One teacher for each target, one student for all, and who of them learns when.
    schedule = multi_target_rounds(config.mode, config.rounds, teacher_learns=config.teacher_learns)
    task = _task(context, domains, schedule, device)
    frozen = {name: side.frozen for name, side in task.sides.items() if side.frozen is not None}
    digests = {name: weights_digest(model) for name, model in frozen.items()}

    # 3. Rounds: embed each target, judge without labels, cluster, train on all targets in turn.
    memory = MultiTargetMemory()
    state, start = resumed(context)
    if state:
        task.load_state(state)
        memory = MultiTargetMemory.of(under(state, "memory."))
    _adaptation(context, task, domains, schedule).run(memory, start=start)
    for name, model in frozen.items():
        check_unchanged(model, digests[name])

    # 4. Hand over the student with the statistics of the cameras of all targets.
    return _result(context, task, memory, domains)


def _adaptation(
    context: StageContext, task: MultiTargetTask, domains: MultiTargetDomains, schedule: list[Round]
) -> Adaptation:
    config, runtime = context.config, context.run_config.runtime
    plan = Plan(
        schedule=schedule, steps=config.steps, source_batch=config.source_batch, target_batch=config.target_batch,
        beta=config.beta or MULTI_TARGET_BETA[config.mode], selection=config.selection, across=config.criterion,
        clustering=config.clustering.model_copy(update={"standardise": config.is_standardised}),
        seed=context.seed % 2**31, workers=runtime.workers, log_every_seconds=runtime.log_every_seconds,
    )  # fmt: skip

    def hooks(memory: Any) -> LoopHooks:
        return loop_hooks(context, lambda: task.state() | {f"memory.{k}": v for k, v in memory.tensors().items()})

    def keep_round(number: int) -> None:
        if config.keep_rounds:
            _save(context, f"round-{number:03d}", task.student.mean, domains, meta={"round": number})

    return Adaptation(
        task=task, domains=domains, plan=plan, precision=build.precision(runtime, build.device(runtime)),
        log=context.metrics.write, hooks=hooks, on_round=keep_round,
        embeddings=build.embedding_folder(runtime), title=context.name,
    )  # fmt: skip


def _largest_size(context: StageContext) -> tuple[int, int]:
    """All networks get the same pixels, each resizes down for itself."""
    sizes = [context.run_config.models[context.config.train].size]
    references = dict.fromkeys(context.config.teachers.values())
    sizes += [load_model(Path(context.inputs[name].path)).model.size for name in references]
    return max(height for height, _ in sizes), max(width for _, width in sizes)


def _domains(
    config: MultiTargetKDConfig, source: ReIDData, targets: Mapping[str, ReIDData], *, size: tuple[int, int]
) -> MultiTargetDomains:
    augment = build_transform(size=size, **config.augment.arguments())
    source, source_cache = load_pixels(source, size=size)
    labels, _ = class_labels(source)
    crops = {}
    for name, data in targets.items():
        known, cache = load_pixels(data, size=size)
        crops[name] = TargetCrops(
            CropDataset(cache, None, camera_indices(known), augment), known.cameras,
            used_tracklets(known, config.clustering.tracklets),
        )  # fmt: skip
    return MultiTargetDomains(
        source=CropDataset(source_cache, labels, camera_indices(source), augment),
        targets=crops,
        num_identities=int(labels.max()) + 1,
    )


def _task(context: StageContext, domains: MultiTargetDomains, schedule: list[Round], device: Any) -> MultiTargetTask:
    config: MultiTargetKDConfig = context.config
    total = config.rounds * config.steps
    teachers = {name: _teacher(context, config.teachers[name], device, total=total) for name in config.targets}
    students = _students(context, domains, teachers, device, total=total * len(config.targets))
    return MultiTargetTask({
        name: ProgressiveTask(
            teacher=teachers[name], student=students[name], phase=schedule[0].phase, device=device,
            total_steps=len(schedule) * config.steps,
        )
        for name in config.targets
    })  # fmt: skip


def _teacher(context: StageContext, reference: str, device: Any, *, total: int) -> Side:
    config: MultiTargetKDConfig = context.config
    loaded = load_model(Path(context.inputs[reference].path)).model
    model: ReIDModel = build.placed(loaded, context.run_config.runtime, device)  # type: ignore[assignment]
    if not config.teacher_learns:
        return Side(player=None, frozen=model.eval().requires_grad_(False), objectives=ScopedObjectives([]))
    objectives = build.objectives(config.teacher_terms, student=model.shape, teacher=None)
    settings = config.teacher_optimizer.player(total_steps=total)
    player = _player(context, model, objectives.modules().to(device), taps=objectives.maps, settings=settings)
    return Side(player=player, frozen=None, objectives=objectives)


def _students(
    context: StageContext, domains: MultiTargetDomains, teachers: Mapping[str, Side], device: Any, *, total: int
) -> dict[str, Side]:
    """Return the student at each target: one network, with terms, clusters and a camera space of each target."""
    config: MultiTargetKDConfig = context.config
    model = starting_student(context, domains.num_identities, device)
    shape = model.shape
    objectives = {
        name: build.objectives(config.student_terms, student=shape, teacher=teachers[name].mean.shape)
        for name in config.targets
    }
    extras = nn.ModuleDict({name: own.modules() for name, own in objectives.items()}).to(device)
    taps = tuple(sorted({tap for own in objectives.values() for tap in own.maps}))
    player = _player(context, model, extras, taps=taps, settings=config.optimizer.player(total_steps=total))
    return {name: Side(player=player, frozen=None, objectives=own) for name, own in objectives.items()}


def _player(
    context: StageContext, model: ReIDModel, extras: nn.ModuleDict, *, taps: tuple[str, ...], settings: dict[str, Any]
) -> Player:
    runtime = context.run_config.runtime
    return Player(
        model, extras=extras, taps=taps, precision=build.precision(runtime, build.device(runtime)), **settings
    )


def _statistics(config: MultiTargetKDConfig, model: ReIDModel, domains: MultiTargetDomains) -> CameraStatistics | None:
    if not config.is_standardised:
        return None
    return joined_statistics({
        name: (extract_embeddings(model, target.crops), target.cameras, target.names)
        for name, target in domains.targets.items()
    })  # fmt: skip


def _save(
    context: StageContext, name: str, model: ReIDModel, domains: MultiTargetDomains, *, meta: dict[str, Any],
    memory: MultiTargetMemory | None = None, people: CropDataset | None = None,
) -> dict[str, Any] | None:  # fmt: skip
    """Write a student; with thresholds from the clusters that are remembered, which are returned in short."""
    config: MultiTargetKDConfig = context.config
    spec, statistics = build.model_spec(context.run_config.models[config.train]), _statistics(config, model, domains)
    match = None
    if memory is not None:
        seen = [
            target_crops(model, target, memory.of_target(site).labels, statistics=statistics, site=site)
            for site, target in domains.targets.items()
        ]
        match = calibrate(
            model, domains.source, [one for site in seen for one in site],
            names={
                "persons": config.source, "clusters": " + ".join(config.targets),
                "new_persons": config.match_data or "",
            },
            is_standardised=statistics is not None, new_people=people,
        )  # fmt: skip
    if distributed.rank() == 0:
        save_model(
            context.attempt / f"{name}.safetensors", model, spec=spec, cameras=statistics, meta=meta, match=match
        )
    return None if match is None else match.summary(is_standardised=statistics is not None)


def _result(
    context: StageContext, task: MultiTargetTask, memory: MultiTargetMemory, domains: MultiTargetDomains
) -> StageResult:
    config: MultiTargetKDConfig = context.config
    last = copy.deepcopy(task.student.mean)
    memory.restore(task.sides)
    outputs, matches = {}, {}
    people = people_to_match(context, size=domains.source.cache.size)
    for role, model in {"best": task.student.mean, "last": last}.items():
        meta = {"stage": context.name, "role": role, "mode": config.mode, "round": memory.best_round,
                "targets": list(config.targets)}  # fmt: skip
        told = _save(context, role, model, domains, meta=meta, memory=memory if role == "best" else None, people=people)
        if told is not None:
            matches[role] = told
        outputs[role] = Output(f"{role}.safetensors", meta)
    distributed.barrier()
    listing = {config.source: domains.source.cache.data.facts(labels_read=True)}
    listing |= {name: target.crops.cache.data.facts(labels_read=False) for name, target in domains.targets.items()}
    listing |= match_data_facts(context, people)
    metrics = {
        "mode": config.mode, "targets": list(config.targets), "rounds": config.rounds, "steps": config.steps,
        "chosen_round": memory.best_round, "chosen_score": memory.best_score, "rollbacks": memory.rollbacks,
        "match": matches,
    }  # fmt: skip
    return StageResult(outputs=outputs, metrics=metrics, data=listing)


STAGE = Stage("multi_target_kd", 1, MultiTargetKDConfig, ("best", "last"), run)
