"""The only name → constructor tables; nothing that this module builds sees a configuration."""

import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from datasets.kinds import DATA_KINDS
from datasets.records import ReIDData, ReIDProbe
from datasets.transforms import PRESETS
from pipeline.config.binding import ComponentTable, bind
from pipeline.config.schema import DataConfig, ModelConfig, RuntimeConfig
from pipeline.errors import ConfigError
from pipeline.losses.adaptation.dmmd import DMMD
from pipeline.losses.adaptation.gradient_reversal import GradientReversal
from pipeline.losses.adaptation.mmd import MMD
from pipeline.losses.distillation.embedding import EmbeddingMatch
from pipeline.losses.distillation.kd import KD
from pipeline.losses.distillation.pkt import PKT
from pipeline.losses.distillation.relation import Relation
from pipeline.losses.distillation.rkd import RKD
from pipeline.losses.objective import is_between_domains
from pipeline.losses.supervised.centroid_contrast import CentroidContrast
from pipeline.losses.supervised.cross_entropy import CrossEntropy
from pipeline.losses.supervised.proxy_contrast import ProxyContrast
from pipeline.losses.supervised.triplet import Triplet
from pipeline.models.pooling import POOLINGS
from pipeline.models.reid import IMAGENET_MEAN, IMAGENET_STD, ReIDModel
from pipeline.models.trunks import build_trunk
from pipeline.models.weights import load_weights
from pipeline.retrieval.index import INDEXES
from pipeline.training.precision import Precision
from pipeline.training.scoped import ScopedObjective, ScopedObjectives

# A class listed here is found by the contract tests, the config check and the documentation.
OBJECTIVES: dict[str, type] = {
    "centroid_contrast": CentroidContrast,
    "cross_entropy": CrossEntropy,
    "dmmd": DMMD,
    "embedding": EmbeddingMatch,
    "gradient_reversal": GradientReversal,
    "kd": KD,
    "mmd": MMD,
    "pkt": PKT,
    "proxy_contrast": ProxyContrast,
    "relation": Relation,
    "rkd": RKD,
    "triplet": Triplet,
}
# Where a term works when its `on` is not given: by what it needs.
DEFAULT_DOMAINS: dict[str, tuple[str, ...]] = {
    "centroid_contrast": ("target",),
    "proxy_contrast": ("target",),
    "cross_entropy": ("source",),
    "triplet": ("source",),
    "kd": ("source", "target"),
}
Domain = Literal["source", "target"]
# `use` names the objective where the key is a name of one's own, so that one objective can stand twice.
OBJECTIVE_EXTRAS: dict[str, Any] = {"weight": float, "on": list[Domain], "use": str}

COMPONENTS: dict[str, ComponentTable] = {
    "augment": ComponentTable(PRESETS),
    "data": ComponentTable(DATA_KINDS),
    "index": ComponentTable(INDEXES),
    "objectives": ComponentTable(OBJECTIVES, extra=OBJECTIVE_EXTRAS, supplied=("width",)),
    "pooling": ComponentTable(POOLINGS),
}


@lru_cache(maxsize=8)
def _read(kind: str, arguments: tuple[tuple[str, Any], ...]) -> ReIDData | ReIDProbe:
    given = {key: list(value) if isinstance(value, _Frozen) else value for key, value in arguments}
    bound = bind(COMPONENTS["data"], kind, given)
    data: ReIDData | ReIDProbe = bound.constructor(**bound.arguments)
    return data


class _Frozen(tuple[Any, ...]):
    """A list that can be hashed, told apart from a tuple."""


def _data(config: DataConfig) -> ReIDData | ReIDProbe:
    arguments = {k: _Frozen(v) if isinstance(v, list) else v for k, v in config.arguments.items()}
    return _read(config.kind, tuple(sorted(arguments.items())))


def data_digest(config: DataConfig) -> str:
    """Return the digest of a data set's listing."""
    return _data(config).digest


def reid_data(config: DataConfig, *, labelled: bool) -> ReIDData:
    """Read crops for training.

    Args:
        config: the data section's entry.
        labelled: False removes every person id before anyone sees one.

    Raises:
        ConfigError: the entry is a probe.
        DataError: labels are wanted and there are none.
    """
    data = _data(config)
    if isinstance(data, ReIDProbe):
        raise ConfigError(f"data of kind {config.kind} with query and gallery", "crops to train on (split: train)")
    if labelled and not data.is_labelled:
        raise ConfigError(
            f"data {data.name} has no person ids", "labelled crops", "Use a labelled kind, such as market1501 or table."
        )
    return data if labelled else data.without_labels()


def reid_probe(config: DataConfig) -> ReIDProbe:
    """Read query and gallery.

    Raises:
        ConfigError: the entry is training data.
    """
    data = _data(config)
    if isinstance(data, ReIDData):
        raise ConfigError(f"data {data.name} of kind {config.kind} is training data", "split: query_gallery")
    return data


def model_spec(config: ModelConfig) -> dict[str, Any]:
    """Return the keyword arguments of `reid_model` that stand in a model entry."""
    spec = config.model_dump(mode="json")
    spec["mean"], spec["std"] = spec["mean"] or list(IMAGENET_MEAN), spec["std"] or list(IMAGENET_STD)
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
    """
    trunk = build_trunk(arch, pretrained=weights == "pretrained", ibn=ibn, args=dict(args))
    height, width = size
    model = ReIDModel(
        trunk, pooling=pooling, embedding=embedding, num_classes=num_classes, size=(height, width), mean=mean, std=std
    )
    if weights not in ("scratch", "pretrained"):
        load_weights(model, Path(weights))
    return model


def objectives(entries: Mapping[str, Mapping[str, Any]], *, width: int) -> ScopedObjectives:
    """Build the weighted terms of one player.

    Args:
        entries: arguments by name, with `weight`, `on` and `use` among them.
        width: of the player's embedding, for terms with parameters of their own.

    Raises:
        ConfigError: a term is put on a domain that it cannot work on.
    """
    terms = []
    for name, arguments in entries.items():
        bound = bind(COMPONENTS["objectives"], str(arguments.get("use", name)), arguments)
        supplied = {"width": width} if bound.constructor is GradientReversal else {}
        objective = bound.constructor(**bound.arguments, **supplied)
        default = ("across",) if is_between_domains(objective) else DEFAULT_DOMAINS.get(name, ("target",))
        domains = tuple(bound.extra.get("on") or DEFAULT_DOMAINS.get(str(arguments.get("use", name)), default))
        terms.append(ScopedObjective(name, objective, float(bound.extra.get("weight", 1.0)), domains))
    return ScopedObjectives(terms)


def device(runtime: RuntimeConfig) -> torch.device:
    """Return the device to compute on.

    Raises:
        ConfigError: CUDA is asked for and there is none.
    """
    has_cuda = torch.cuda.is_available()
    if runtime.device == "cuda" and not has_cuda:
        raise ConfigError("runtime.device is cuda", "a CUDA device", "Set runtime.device to cpu or auto.")
    if runtime.device == "cpu" or not has_cuda:
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


def precision(runtime: RuntimeConfig, where: torch.device) -> Precision:
    """Return how steps compute."""
    return Precision(amp=runtime.amp, device=where.type, compile_model=runtime.compile)


def placed(model: nn.Module, runtime: RuntimeConfig, where: torch.device) -> nn.Module:
    """Move a network to its device and memory layout.

    Args:
        model: the network.
        runtime: says whether memory is laid out channels last.
        where: the device.
    """
    layout = torch.channels_last if runtime.channels_last else torch.contiguous_format
    return model.to(where, memory_format=layout)  # type: ignore[call-overload]


def limit_threads(runtime: RuntimeConfig) -> None:
    """Compute with as many threads as the configuration says; null leaves the library's own choice."""
    if runtime.threads is not None:
        torch.set_num_threads(runtime.threads)


def seed_everything(seed: int) -> None:
    """Seed torch's global generator, from which fresh weights are drawn."""
    torch.manual_seed(seed % 2**63)
