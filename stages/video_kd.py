"""Train a network of clips on tracklets: on labels alone, or from a spatial and a temporal teacher, head by head."""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn

from datasets.batches import Sampler, iterate_batches
from datasets.clips import ClipDataset
from datasets.records import ReIDData
from datasets.samplers import PKSampler, UniformSampler
from datasets.transforms import build_transform
from pipeline import build, distributed
from pipeline.checkpoint import load_model
from pipeline.checkpoint_clip import load_clip_model, save_clip_model
from pipeline.errors import ConfigError
from pipeline.losses.distillation.coupling import Coupling
from pipeline.models.video.clip_model import ClipModel
from pipeline.stage import Output, Stage, StageContext, StageResult
from pipeline.teaching.responses import check_unchanged, weights_digest
from pipeline.training.loop import Batches
from pipeline.training.resuming import train_on
from pipeline.training.scoped import SOURCE, TARGET
from pipeline.training.video.config import VideoKDConfig
from pipeline.training.video.coupled import CoupledTask
from pipeline.training.video.player import ClipPlayer
from pipeline.training.video.teachers import ClipTeachers


def run(context: StageContext) -> StageResult:
    """Train; leave the mean network as 'best' and the raw one as 'last'."""
    config: VideoKDConfig = context.config
    device = build.device(context.run_config.runtime)
    build.seed_everything(context.seed)

    # 1. The teachers, whose size says how large the pixels are, and the tracklets.
    teachers = _teachers(context, device)
    size = _largest_size(context, teachers)
    data = {SOURCE: build.reid_data(context.run_config.data[config.data], labelled=True)}
    if config.target is not None:
        data[TARGET] = build.reid_data(context.run_config.data[config.target], labelled=False)
    augment = build_transform(size=size, **config.augment.arguments())
    clips = {name: build.clip_dataset(part, size=size, augment=augment, **config.clip.model_dump())
             for name, part in data.items()}  # fmt: skip
    labels = clips[SOURCE].labels
    assert labels is not None, "source tracklets are labelled"

    # 2. The network, and a coupling for each head that has a teacher.
    model = _model(context, device, num_classes=int(labels.max()) + 1)
    task = _task(context, model, teachers, device)
    frozen = {head: weights_digest(network) for head, network in teachers.networks.items()}

    # 3. Go on where a killed run stopped, then train.
    train_on(context, task, lambda steps: _batches(context, clips, start=steps.start), total=config.steps)
    for head, network in teachers.networks.items():
        check_unchanged(network, frozen[head])
    return _result(context, task.player, clips, data)


def _teachers(context: StageContext, device: torch.device) -> ClipTeachers:
    config: VideoKDConfig = context.config
    runtime = context.run_config.runtime
    found: dict[str, nn.Module] = {}
    if config.spatial_teacher is not None:
        found["spatial"] = load_model(Path(context.inputs[config.spatial_teacher].path)).model
    if config.temporal_teacher is not None:
        found["temporal"] = load_clip_model(Path(context.inputs[config.temporal_teacher].path)).model
    placed = {head: build.placed(net, runtime, device).eval().requires_grad_(False) for head, net in found.items()}
    return ClipTeachers(placed)


def _largest_size(context: StageContext, teachers: ClipTeachers) -> tuple[int, int]:
    """All networks get the same pixels, each resizes down for itself."""
    sizes = [context.run_config.models[context.config.train].size]
    sizes += [network.size for network in teachers.networks.values()]  # type: ignore[misc]
    return max(height for height, _ in sizes), max(width for _, width in sizes)


def _model(context: StageContext, device: torch.device, *, num_classes: int) -> ClipModel:
    config: VideoKDConfig = context.config
    spec = build.model_spec(context.run_config.models[config.train])
    if config.init is None:
        model = build.clip_model(**spec, num_classes=num_classes, answers=config.answers)
    else:
        loaded = load_clip_model(Path(context.inputs[config.init].path))
        loaded.check_spec(spec, wanted=config.train)
        model = loaded.model
        model.answers = config.answers
        if model.num_classes != num_classes:
            model.reset_classifier(num_classes)
    return build.placed(model, context.run_config.runtime, device)  # type: ignore[return-value]


def _task(context: StageContext, model: ClipModel, teachers: ClipTeachers, device: torch.device) -> CoupledTask:
    config: VideoKDConfig = context.config
    _check_identities(config, model, teachers)
    widths = {head: getattr(network, "embedding_width", None) or network.width
              for head, network in teachers.networks.items()}  # fmt: skip
    couplings = nn.ModuleDict(
        {head: Coupling(model.width, int(width), **config.coupling.model_dump()) for head, width in widths.items()}  # type: ignore[arg-type]
    )
    objectives = build.objectives(config.objectives, student=model.head_shape, teacher=None)
    # What has weights or a memory of its own is neither learnt nor kept here.
    misplaced = [
        term.name for term in objectives.terms
        if term.objective.needs_teacher or term.on != (SOURCE,) or isinstance(term.objective, nn.Module)
    ]  # fmt: skip
    if misplaced:
        raise ConfigError(
            f"{context.name} has the objective {misplaced[0]}", "terms of labels, such as cross_entropy and triplet",
            "What is heard from teachers is set by coupling.",
        )  # fmt: skip
    precision = build.precision(context.run_config.runtime, device)
    settings = config.optimizer.player(total_steps=config.steps)
    player = ClipPlayer(model, extras=couplings.to(device), precision=precision, **settings)
    return CoupledTask(player, config.heads, objectives, teachers=teachers, device=device)


def _check_identities(config: VideoKDConfig, model: ClipModel, teachers: ClipTeachers) -> None:
    for head, network in teachers.networks.items():
        known = network.num_classes
        if config.coupling.response and known is not None and known != model.num_classes:
            raise ConfigError(
                f"the {head} teacher knows {known} people and {config.data} has {model.num_classes}",
                "a teacher of the same people",
                "Take one that was trained on these tracklets, or set coupling.response to 0.",
            )  # fmt: skip


def _batches(context: StageContext, clips: dict[str, ClipDataset], *, start: int) -> Iterator[Batches]:
    config: VideoKDConfig = context.config
    seed = context.seed % 2**31
    streams = []
    for place, part in enumerate(clips.values()):
        sampler: Sampler
        if part.labels is None:
            sampler = UniformSampler(len(part), batch=config.target_batch, seed=seed)
        else:
            people = config.batch
            sampler = PKSampler(
                part.labels, part.cameras, identities=people.identities, instances=people.instances, seed=seed
            )
        streams.append(iterate_batches(
            part.collect, sampler, start=start, stop=config.steps, seed=seed + place,
            workers=context.run_config.runtime.workers, rank=distributed.rank(), world=distributed.world_size(),
        ))  # fmt: skip
    for parts in zip(*streams, strict=True):
        yield dict(zip(clips, parts, strict=True))


def _result(
    context: StageContext, player: ClipPlayer, clips: dict[str, ClipDataset], data: dict[str, ReIDData]
) -> StageResult:
    config: VideoKDConfig = context.config
    spec = build.model_spec(context.run_config.models[config.train])
    meta = {
        "stage": context.name, "steps": config.steps, "clip": config.clip.model_dump(), "heads": list(config.heads),
    }  # fmt: skip
    outputs = {}
    for role, model in (("best", player.mean), ("last", player.model)):
        model.answers = player.model.answers
        if distributed.rank() == 0:
            path = context.attempt / f"{role}.safetensors"
            save_clip_model(path, model, spec=spec, meta={**meta, "role": role})
        outputs[role] = Output(f"{role}.safetensors", {**meta, "role": role})
    distributed.barrier()
    names = {SOURCE: config.data, TARGET: config.target}
    listing = {str(names[domain]): part.facts(labels_read=domain == SOURCE) for domain, part in data.items()}
    metrics = {**meta, "tracklets": {str(names[domain]): len(part) for domain, part in clips.items()}}
    return StageResult(outputs=outputs, metrics=metrics, data=listing)


STAGE = Stage("video_kd", 1, VideoKDConfig, ("best", "last"), run)
