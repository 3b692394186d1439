"""Networks and their terms from plain arguments."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.build.shapes import check_domains, check_needs, supplied_shapes
from pipeline.build.tables import COMPONENTS, DEFAULT_DOMAINS
from pipeline.config.binding import bind
from pipeline.config.schema import AnyModelConfig
from pipeline.detection_types import DetectorShape
from pipeline.losses.objective import is_between_domains
from pipeline.models.detection.build import build_detector
from pipeline.models.detection.detector import Detector
from pipeline.models.reid import IMAGENET_MEAN, IMAGENET_STD, ReIDModel
from pipeline.models.scaling import scaled_args
from pipeline.models.trunks import build_trunk
from pipeline.models.video.clip_model import ClipModel
from pipeline.models.weights import load_weights
from pipeline.training.detection.objectives import DetectionObjectives, ScopedDetectionObjective
from pipeline.training.scoped import SOURCE, TARGET, ScopedObjective, ScopedObjectives
from pipeline.types import NetworkShape


def model_spec(config: AnyModelConfig) -> dict[str, Any]:
    """Return the keyword arguments of `reid_model`, `detector` or `clip_model` that stand in a model entry."""
    spec = config.model_dump(mode="json")
    spec["mean"], spec["std"] = spec["mean"] or list(IMAGENET_MEAN), spec["std"] or list(IMAGENET_STD)
    width, depth = spec.pop("width", 1), spec.pop("depth", 1)
    # A file says how its network is built, in numbers that no later rule for rounding changes.
    spec["args"] = scaled_args(spec["arch"], spec["args"], width=width, depth=depth)
    return spec


def reid_model(
    *,
    arch: str,
    size: Sequence[int],
    embedding: int | None,
    pooling: str,
    ibn: str,
    weights: str,
    args: Mapping[str, Any],
    mean: Sequence[float],
    std: Sequence[float],
    num_classes: int | None = None,
    neck: str = "bnneck",
    sees: str = "rgb",
) -> ReIDModel:
    """Build a network from plain arguments, as they stand in a checkpoint's header.

    Args:
        arch: `timm/NAME` or an OSNet name.
        size: height and width in pixels.
        embedding: width of the embedding; None keeps the trunk's.
        pooling: name of the pooling.
        ibn: 'a', 'b' or 'none'.
        weights: 'scratch', 'pretrained', or a weights file.
        args: further arguments of the trunk.
        mean: per-channel mean of pixels in 0..1.
        std: per-channel standard deviation.
        num_classes: identities of the classifier, None without one.
        neck: 'bnneck', or 'none' for a plain classifier.
        sees: 'rgb', 'grey' or 'infrared'.
    """
    # A plain classifier is its network as published; re-ID wants a finer last map.
    stride = 2 if neck == "none" else None
    trunk = build_trunk(arch, pretrained=weights == "pretrained", ibn=ibn, last_stride=stride, args=dict(args))
    height, width = size
    model = ReIDModel(
        trunk, pooling=pooling, embedding=embedding, num_classes=num_classes, neck=neck, size=(height, width),
        mean=mean, std=std, sees=sees,
    )  # fmt: skip
    if weights not in ("scratch", "pretrained"):
        load_weights(model, Path(weights))
    return model


def clip_model(
    *,
    video: str,
    arch: str,
    size: Sequence[int],
    ibn: str,
    weights: str,
    args: Mapping[str, Any],
    **arguments: Any,
) -> ClipModel:
    """Build a network of clips from plain arguments, as they stand in a checkpoint's header.

    Args:
        video: 'coupled', the only kind.
        arch: of the trunk.
        size: height and width in pixels.
        ibn: 'a', 'b' or 'none'.
        weights: 'scratch', 'pretrained', or a weights file.
        args: further arguments of the trunk.
        arguments: of `ClipModel`.
    """
    del video
    trunk = build_trunk(arch, pretrained=weights == "pretrained", ibn=ibn, args=dict(args))
    height, width = size
    model = ClipModel(trunk, size=(height, width), **arguments)
    if weights not in ("scratch", "pretrained"):
        load_weights(model, Path(weights))
    return model


def objectives(
    entries: Mapping[str, Mapping[str, Any]],
    *,
    student: NetworkShape,
    teacher: NetworkShape | None,
    searched: Mapping[str, Mapping[str, float]] | None = None,
) -> ScopedObjectives:
    """Build the weighted terms of one player.

    Args:
        entries: arguments by name, with `weight`, `on` and `use` among them.
        student: shape of the player's network.
        teacher: shape of the network that it listens to, or None where nobody shows it more than logits and embeddings.
        searched: weights of the teacher's maps by stage, where a search found some.

    Raises:
        ConfigError: a term is put on a domain that it cannot work on, or needs what one of the networks lacks.
    """
    terms = []
    for name, arguments in entries.items():
        bound = bind(COMPONENTS["objectives"], str(arguments.get("use", name)), arguments)
        supplied = supplied_shapes(name, bound.constructor, student=student, teacher=teacher, searched=searched)
        objective = bound.constructor(**bound.arguments, **supplied)
        check_needs(name, objective, student=student, teacher=teacher)
        default = ("across",) if is_between_domains(objective) else DEFAULT_DOMAINS.get(name, ("target",))
        domains = tuple(bound.extra.get("on") or DEFAULT_DOMAINS.get(str(arguments.get("use", name)), default))
        check_domains(name, objective, domains)
        terms.append(ScopedObjective(name, objective, float(bound.extra.get("weight", 1.0)), domains))
    return ScopedObjectives(terms)


def detector(*, detector: str, size: Sequence[int], options: Mapping[str, Any], **arguments: Any) -> Detector:
    """Build a detector from plain arguments, as they stand in a checkpoint's header.

    Args:
        detector: 'fcos' or 'faster_rcnn'.
        size: largest height and width of a frame; a matter of the frames, not of the network.
        options: what only this kind of detector knows.
        arguments: of `build_detector`.
    """
    del size
    return build_detector(kind=detector, **arguments, **options)


def detection_objectives(
    entries: Mapping[str, Mapping[str, Any]], *, student: DetectorShape, teacher: DetectorShape
) -> DetectionObjectives:
    """Build the weighted distillation terms of a detector.

    Args:
        entries: arguments by name, with `weight`, `on` and `use` among them.
        student: shape of the one that learns.
        teacher: shape of the one that it learns from.

    Raises:
        ConfigError: a term does not fit the two detectors.
    """
    terms = []
    for name, arguments in entries.items():
        bound = bind(COMPONENTS["detection_objectives"], str(arguments.get("use", name)), arguments)
        objective = bound.constructor(**bound.arguments, student_shape=student, teacher_shape=teacher)
        domains = tuple(bound.extra.get("on") or (SOURCE, TARGET))
        terms.append(ScopedDetectionObjective(name, objective, float(bound.extra.get("weight", 1.0)), domains))
    return DetectionObjectives(terms)
