"""The explicit tables: every component that a configuration can name."""

from collections.abc import Mapping
from typing import Any, Literal

from datasets.class_kinds import CLASS_KINDS
from datasets.frame_kinds import FRAME_KINDS
from datasets.frame_transforms import FRAME_PRESETS, build_frame_transform
from datasets.kinds import DATA_KINDS
from datasets.policies import POLICIES
from datasets.transforms import PRESETS
from pipeline.build.footage import footage
from pipeline.config.binding import ComponentTable
from pipeline.losses.adaptation.dmmd import DMMD
from pipeline.losses.adaptation.gradient_reversal import GradientReversal
from pipeline.losses.adaptation.mmd import MMD
from pipeline.losses.detection.crosskd import CrossKD
from pipeline.losses.detection.cwd import CWD
from pipeline.losses.detection.dense_response import DenseResponse
from pipeline.losses.detection.fgd import FGD
from pipeline.losses.detection.fgfi import FGFI
from pipeline.losses.detection.mgd import MGD
from pipeline.losses.detection.mimic import Mimic
from pipeline.losses.detection.penultimate import Penultimate
from pipeline.losses.detection.pkd import PKD
from pipeline.losses.detection.pyramid import Pyramid
from pipeline.losses.detection.region import Region
from pipeline.losses.detection.region_response import RegionResponse
from pipeline.losses.distillation.adversarial import Adversarial
from pipeline.losses.distillation.attention_transfer import AttentionTransfer
from pipeline.losses.distillation.byot import BYOT
from pipeline.losses.distillation.dfa import DFA
from pipeline.losses.distillation.dist import DIST
from pipeline.losses.distillation.distance_matrix import DistanceMatrix
from pipeline.losses.distillation.dkd import DKD
from pipeline.losses.distillation.dtd import DTD
from pipeline.losses.distillation.embedding import EmbeddingMatch
from pipeline.losses.distillation.fitnets import FitNets
from pipeline.losses.distillation.irg import IRG
from pipeline.losses.distillation.ka import KA
from pipeline.losses.distillation.kd import KD
from pipeline.losses.distillation.kr_approx import KRApprox
from pipeline.losses.distillation.logit_mse import LogitMSE
from pipeline.losses.distillation.lwf import LwF
from pipeline.losses.distillation.nkd import NKD
from pipeline.losses.distillation.pkt import PKT
from pipeline.losses.distillation.proximal import Proximal
from pipeline.losses.distillation.relation import Relation
from pipeline.losses.distillation.rkd import RKD
from pipeline.losses.distillation.sp import SP
from pipeline.losses.distillation.topk_kd import TopKKD
from pipeline.losses.distillation.wsl import WSL
from pipeline.losses.supervised.centroid_contrast import CentroidContrast
from pipeline.losses.supervised.cross_entropy import CrossEntropy
from pipeline.losses.supervised.proxy_contrast import ProxyContrast
from pipeline.losses.supervised.triplet import Triplet
from pipeline.models.pooling import POOLINGS
from pipeline.retrieval.index import INDEXES

# A class listed here is found by the contract tests, the config check and the documentation.
OBJECTIVES: dict[str, type] = {
    "adversarial": Adversarial,
    "attention_transfer": AttentionTransfer,
    "byot": BYOT,
    "centroid_contrast": CentroidContrast,
    "cross_entropy": CrossEntropy,
    "dfa": DFA,
    "dist": DIST,
    "distance_matrix": DistanceMatrix,
    "dkd": DKD,
    "dmmd": DMMD,
    "dtd": DTD,
    "embedding": EmbeddingMatch,
    "fitnets": FitNets,
    "gradient_reversal": GradientReversal,
    "irg": IRG,
    "ka": KA,
    "kd": KD,
    "kr_approx": KRApprox,
    "logit_mse": LogitMSE,
    "lwf": LwF,
    "mmd": MMD,
    "nkd": NKD,
    "pkt": PKT,
    "proximal": Proximal,
    "proxy_contrast": ProxyContrast,
    "relation": Relation,
    "rkd": RKD,
    "sp": SP,
    "topk_kd": TopKKD,
    "triplet": Triplet,
    "wsl": WSL,
}
# The same for what a detector learns from another; the two shapes are supplied by whoever builds them.
DETECTION_OBJECTIVES: dict[str, type] = {
    "crosskd": CrossKD,
    "cwd": CWD,
    "dense_response": DenseResponse,
    "fgd": FGD,
    "fgfi": FGFI,
    "mgd": MGD,
    "mimic": Mimic,
    "penultimate": Penultimate,
    "pkd": PKD,
    "pyramid": Pyramid,
    "region": Region,
    "region_response": RegionResponse,
}
# Where a term works when its `on` is not given: by what it needs.
DEFAULT_DOMAINS: dict[str, tuple[str, ...]] = {
    "centroid_contrast": ("target",),
    "proxy_contrast": ("target",),
    "cross_entropy": ("source",),
    "triplet": ("source",),
    "byot": ("source",),
    "dfa": ("source", "target"),
    "dist": ("source", "target"),
    "dkd": ("source",),
    "dtd": ("source", "target"),
    "irg": ("source", "target"),
    "ka": ("source",),
    "kd": ("source", "target"),
    "kr_approx": ("source",),
    "logit_mse": ("source", "target"),
    "lwf": ("source", "target"),
    "nkd": ("source",),
    "proximal": ("source",),
    "topk_kd": ("source",),
    "wsl": ("source",),
}
Domain = Literal["source", "target"]
# `use` names the objective where the key is a name of one's own, so that one objective can stand twice.
OBJECTIVE_EXTRAS: dict[str, Any] = {"weight": float, "on": list[Domain], "use": str}


def needs_labels(name: str, arguments: Mapping[str, Any]) -> bool:
    """Return whether a term with these settings reads labels; False for a name that is no objective.

    Args:
        name: of an objective.
        arguments: as the configuration gives them.
    """
    return name in OBJECTIVES and _with_settings(OBJECTIVES[name], "needs_labels", arguments)


def _with_settings(kind: Any, need: str, arguments: Mapping[str, Any]) -> bool:
    """Objectives whose settings decide need labels exactly where they need identities."""
    if hasattr(kind, "needs_identities_with"):
        return bool(kind.needs_identities_with(arguments))
    return bool(getattr(kind, need, False))


def needs_missing_identities(name: str, arguments: Mapping[str, Any]) -> str | None:
    """Say why a term that learns from true identities can't work on a target, or None where it isn't put there.

    Args:
        name: of an objective.
        arguments: as the configuration gives them, `on` included.
    """
    kind = OBJECTIVES[name]
    if not _with_settings(kind, "needs_identities", arguments) or "target" not in (
        arguments.get("on") or DEFAULT_DOMAINS.get(name, ("target",))
    ):
        return None
    return (
        f"{name} needs true identities in the teacher's classes, and labels on the target are clusters; put it on the "
        "source alone, `on: [source]`, or take a term without labels, such as kd or relation"
    )


COMPONENTS: dict[str, ComponentTable] = {
    "augment": ComponentTable(PRESETS),
    "data": ComponentTable({**DATA_KINDS, **FRAME_KINDS, **CLASS_KINDS, "footage": footage}),
    "detection_objectives": ComponentTable(
        DETECTION_OBJECTIVES, extra=OBJECTIVE_EXTRAS, supplied=("student_shape", "teacher_shape")
    ),
    "frame_augment": ComponentTable(dict.fromkeys(FRAME_PRESETS, build_frame_transform)),
    "index": ComponentTable(INDEXES),
    "objectives": ComponentTable(
        OBJECTIVES,
        extra=OBJECTIVE_EXTRAS,
        supplied=("width", "student_shape", "teacher_shape", "searched", "make_neck"),
        refuse=needs_missing_identities,
    ),
    "policy": ComponentTable(POLICIES),
    "pooling": ComponentTable(POOLINGS),
}
