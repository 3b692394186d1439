"""Measure plain classifiers on labelled images: the only classifier stage that may read labels of a target."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from datasets.class_loader import class_dataset
from datasets.class_records import ClassData
from datasets.loader import CropDataset
from pipeline import build
from pipeline.checkpoint import LoadedModel, load_model
from pipeline.config.references import DroppableArtifactRefName, DroppableDataRef
from pipeline.config.schema import Name, StageConfig
from pipeline.errors import ConfigError
from pipeline.metrics.bootstrap import bootstrap_interval
from pipeline.metrics.classification import (
    agreement,
    calibration_error,
    mean_negative_log_likelihood,
    top_k_hits,
)
from pipeline.models.complexity import count_macs, count_parameters
from pipeline.models.reid import ReIDModel
from pipeline.stage import Stage, StageContext, StageResult
from pipeline.training.classifier import class_names_of, predict_logits
from pipeline.training.scoring import images_per_second


class EvaluateClassifierConfig(StageConfig):
    """Settings of an evaluation; `models` maps a name in the report to an artifact, `data` a domain to its images."""

    kind: Literal["evaluate_classifier"]
    data: dict[Name, DroppableDataRef] = Field(min_length=1)
    models: dict[str, DroppableArtifactRefName] = Field(min_length=1)
    # The key of `models` with which the others are compared.
    teacher: str | None = None
    bins: int = Field(15, ge=1)


def run(context: StageContext) -> StageResult:
    """Classify the images of every domain with every network; leave one row for each."""
    config: EvaluateClassifierConfig = context.config
    runtime, device = context.run_config.runtime, build.device(context.run_config.runtime)
    teacher = _teacher(context)
    rows: list[dict[str, Any]] = []
    listing: dict[str, Any] = {}
    loaded = {role: load_model(Path(context.inputs[reference].path)) for role, reference in config.models.items()}
    sizes = {role: _size_facts(one) for role, one in loaded.items()}
    for domain, name in config.data.items():
        data = build.class_data(context.run_config.data[name], labelled=True)
        listing[name] = data.facts(labels_read=True)
        logits, labels = {}, {}
        for role, one in loaded.items():
            model: ReIDModel = build.placed(one.model, runtime, device)  # type: ignore[assignment]
            _, images = class_dataset(data, size=model.size)
            labels[role] = _labels(data, images, class_names_of(one, config.models[role]), asked=config.models[role])
            logits[role] = predict_logits(model, images, precision=build.precision(runtime, device))
        for role, found in logits.items():
            scores = _scores(found, labels[role], bins=config.bins)
            if teacher is not None and loaded[role].meta["classes"] == loaded[teacher].meta["classes"]:
                scores["agreement"] = agreement(found, logits[teacher])
            rows.append({"model": config.models[role], "role": role, "domain": domain, **scores, **sizes[role]})
    return StageResult(outputs={}, metrics={"semantics": _semantics(config), "rows": rows}, data=listing)


def _teacher(context: StageContext) -> str | None:
    """Return the teacher's key, or None where it is not asked for or its stage was left out of this run."""
    teacher: str | None = context.config.teacher
    asked: Any = context.run_config.stages[context.name]
    if teacher is not None and teacher not in asked.models:
        raise ConfigError(f"stages.{context.name}.teacher is {teacher!r}", f"one of {', '.join(asked.models)}")
    return teacher if teacher in context.config.models else None


def _labels(data: ClassData, images: CropDataset, names: tuple[str, ...], *, asked: str) -> np.ndarray:
    """Return every image's class as a position in the network's own list of classes."""
    unknown = sorted(set(data.class_names) - set(names))
    if unknown:
        raise ConfigError(
            f"data {data.name} has the class {unknown[0]!r} ({len(unknown)} such), which {asked} was not trained on",
            f"some of {', '.join(names[:5])}{', ...' if len(names) > 5 else ''}",
        )
    assert images.labels is not None, "evaluation reads labels"
    position = np.array([names.index(name) for name in data.class_names], np.int64)
    return position[images.labels]


def _scores(logits: np.ndarray, labels: np.ndarray, *, bins: int) -> dict[str, Any]:
    hits = top_k_hits(logits, labels, k=1)
    return {
        "top1": float(hits.mean()), "top1_interval": list(bootstrap_interval(hits.astype(np.float64), seed=0)),
        "top5": float(top_k_hits(logits, labels, k=5).mean()), "ece": calibration_error(logits, labels, bins=bins),
        "nll": mean_negative_log_likelihood(logits, labels), "images": len(labels),
    }  # fmt: skip


def _size_facts(loaded: LoadedModel) -> dict[str, Any]:
    model = loaded.model
    # The cost is counted without the classifier, which a re-ID network does not use.
    head = model.embedding_width * (model.num_classes or 0)
    return {
        "params": count_parameters(model, with_classifier=True), "macs": count_macs(model, model.size) + head,
        "images_per_second": round(images_per_second(model), 1), "input": list(model.size),
    }  # fmt: skip


def _semantics(config: EvaluateClassifierConfig) -> Mapping[str, str]:
    return {
        "accuracy": "top-k is the share of images whose class is among the k highest logits of the unaugmented image; "
        "the interval is a bootstrap over images and says nothing about other seeds",
        "agreement": "the share of images for which a network and its teacher name the same class, right or wrong",
        "calibration": f"the expected calibration error, over {config.bins} bins of equal width",
    }


STAGE = Stage("evaluate_classifier", 1, EvaluateClassifierConfig, (), run)
