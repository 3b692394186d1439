"""Let several students learn together, on labelled source and unlabelled target crops, by each other's answers."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from datasets.cache import load_pixels
from datasets.labels import camera_indices, class_labels
from datasets.loader import CropDataset
from datasets.transforms import build_transform
from pipeline import build, distributed
from pipeline.checkpoint import save_model
from pipeline.models.camera_statistics import fit_camera_statistics
from pipeline.models.reid import ReIDModel
from pipeline.stage import Output, Stage, StageContext, StageResult
from pipeline.training.domain_batches import unclustered_batches
from pipeline.training.extraction import extract_embeddings
from pipeline.training.match_calibration import calibrate
from pipeline.training.mutual import MutualTask, Peer, name_of
from pipeline.training.mutual_config import MOST, MutualKDConfig, hearing
from pipeline.training.player import Player
from pipeline.training.relabel import TargetCrops
from pipeline.training.resuming import train_on
from pipeline.training.scoped import SOURCE, TARGET
from pipeline.training.student import starting_network


def run(context: StageContext) -> StageResult:
    """Train; leave each mean network as 'student_1', 'student_2', ..., and the first as 'best' and 'last' too."""
    config: MutualKDConfig = context.config
    device = build.device(context.run_config.runtime)

    # 1. Labelled source and unlabelled target crops, as large as the largest student wants them.
    source, target, facts = _crops(context)

    # 2. The students, each with an optimizer and with terms of its own.
    task = _task(context, source, device)

    # 3. All learn in the same steps.
    batches = partial(
        unclustered_batches, source, target, sizes={SOURCE: config.source_batch, TARGET: config.target_batch},
        seed=context.seed % 2**31, workers=context.run_config.runtime.workers,
    )  # fmt: skip
    train_on(context, task, lambda steps: batches(steps=steps), total=config.steps)

    # 4. Hand over every student with the statistics of the target's cameras.
    return _result(context, task, source=source, target=target, facts=facts)


def _crops(context: StageContext) -> tuple[CropDataset, TargetCrops, dict[str, Any]]:
    config, data = context.config, context.run_config.data
    sizes = [context.run_config.models[name].size for name in config.train]
    size = max(height for height, _ in sizes), max(width for _, width in sizes)
    source, source_cache = load_pixels(build.reid_data(data[config.source], labelled=True), size=size)
    target, target_cache = load_pixels(build.reid_data(data[config.target], labelled=False), size=size)
    augment = build_transform(size=size, **config.augment.arguments())
    facts = {config.source: source.facts(labels_read=True), config.target: target.facts(labels_read=False)}
    return (
        CropDataset(source_cache, class_labels(source)[0], camera_indices(source), augment),
        TargetCrops(CropDataset(target_cache, None, camera_indices(target), augment), target.cameras),
        facts,
    )


def _task(context: StageContext, source: CropDataset, device: torch.device) -> MutualTask:
    config: MutualKDConfig = context.config
    assert source.labels is not None, "source crops are labelled"
    identities = int(source.labels.max()) + 1
    models = [
        starting_network(
            context, name, init=None if config.init is None else config.init[position], num_identities=identities,
            device=device, seed=context.seed + position,
        )
        for position, name in enumerate(config.train)
    ]  # fmt: skip
    peers = _peers(context, models, device)
    return MutualTask(peers, device=device, total_steps=config.steps)


def _peers(context: StageContext, models: Sequence[ReIDModel], device: torch.device) -> list[Peer]:
    config: MutualKDConfig = context.config
    listening = hearing(config.objectives)
    own = {name: arguments for name, arguments in config.objectives.items() if name not in listening}
    heard = {name: config.objectives[name] for name in listening}
    shapes = [model.shape for model in models]
    alone = [build.objectives(own, student=shape, teacher=None) for shape in shapes]
    hears = [
        {j: build.objectives(heard, student=shape, teacher=shapes[j]) for j in range(len(models)) if j != i}
        for i, shape in enumerate(shapes)
    ]
    peers = []
    for i, model in enumerate(models):
        # Maps that its own terms read, and those that the others read of it.
        taps = {name for terms in (alone[i], *hears[i].values()) for name in terms.maps}
        taps |= {name for j, others in enumerate(hears) if j != i for name in others[i].heard_maps}
        extras = nn.ModuleDict({name_of(j): terms.modules() for j, terms in hears[i].items()})
        extras["alone"] = alone[i].modules()
        player = Player(
            model, extras=extras.to(device), taps=tuple(sorted(taps)),
            precision=build.precision(context.run_config.runtime, device),
            **config.optimizer.player(total_steps=config.steps),
        )  # fmt: skip
        peers.append(Peer(player, alone[i], hears[i]))
    return peers


def _result(
    context: StageContext, task: MutualTask, *, source: CropDataset, target: TargetCrops, facts: dict[str, Any]
) -> StageResult:
    config: MutualKDConfig = context.config
    outputs, matches = {}, {}
    for position, (name, peer) in enumerate(zip(config.train, task.peers, strict=True)):
        role, mean = name_of(position), peer.player.mean
        path = Path(f"{role}.safetensors")
        meta = {"stage": context.name, "role": role, "model": name, "steps": config.steps}
        embeddings = extract_embeddings(mean, target.crops)
        statistics = fit_camera_statistics(embeddings, target.cameras, names=target.names)
        match = calibrate(mean, source, names={"persons": config.source}, is_standardised=True)
        matches[role] = match.summary(is_standardised=True)
        if distributed.rank() == 0:
            spec = build.model_spec(context.run_config.models[name])
            save_model(context.attempt / path, mean, spec=spec, cameras=statistics, meta=meta, match=match)
        outputs[role] = Output(str(path), meta)
    distributed.barrier()
    # No state is better than the last one without labels to tell, and the first student stands for all.
    outputs |= dict.fromkeys(("best", "last"), outputs[name_of(0)])
    identities = int(task.peers[0].player.model.num_classes or 0)
    metrics = {"steps": config.steps, "students": list(config.train), "identities": identities, "match": matches}
    return StageResult(outputs=outputs, metrics=metrics, data=facts)


STAGE = Stage(
    "mutual_kd", 1, MutualKDConfig, ("best", "last", *(name_of(position) for position in range(MOST))), run
)  # fmt: skip
