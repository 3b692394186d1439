"""The explicit tables: every component that a configuration can name."""

from typing import Any, Literal

from datasets.frame_kinds import FRAME_KINDS
from datasets.frame_transforms import FRAME_PRESETS, build_frame_transform
from datasets.kinds import DATA_KINDS
from datasets.transforms import PRESETS
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
from pipeline.losses.distillation.embedding import EmbeddingMatch
from pipeline.losses.distillation.kd import KD
from pipeline.losses.distillation.pkt import PKT
from pipeline.losses.distillation.relation import Relation
from pipeline.losses.distillation.rkd import RKD
from pipeline.losses.supervised.centroid_contrast import CentroidContrast
from pipeline.losses.supervised.cross_entropy import CrossEntropy
from pipeline.losses.supervised.proxy_contrast import ProxyContrast
from pipeline.losses.supervised.triplet import Triplet
from pipeline.models.pooling import POOLINGS
from pipeline.retrieval.index import INDEXES

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
    "kd": ("source", "target"),
}
Domain = Literal["source", "target"]
# `use` names the objective where the key is a name of one's own, so that one objective can stand twice.
OBJECTIVE_EXTRAS: dict[str, Any] = {"weight": float, "on": list[Domain], "use": str}

COMPONENTS: dict[str, ComponentTable] = {
    "augment": ComponentTable(PRESETS),
    "data": ComponentTable({**DATA_KINDS, **FRAME_KINDS}),
    "detection_objectives": ComponentTable(
        DETECTION_OBJECTIVES, extra=OBJECTIVE_EXTRAS, supplied=("student_shape", "teacher_shape")
    ),
    "frame_augment": ComponentTable(dict.fromkeys(FRAME_PRESETS, build_frame_transform)),
    "index": ComponentTable(INDEXES),
    "objectives": ComponentTable(OBJECTIVES, extra=OBJECTIVE_EXTRAS, supplied=("width",)),
    "pooling": ComponentTable(POOLINGS),
}
