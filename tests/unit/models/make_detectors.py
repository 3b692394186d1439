"""Small detectors, frames and targets for the tests of the detector models."""

from typing import Any

import torch

from pipeline.detection_types import BoxTargets
from pipeline.models.detection.build import build_detector
from pipeline.models.detection.detector import Detector

SMALL = {"channels": [8, 16, 24, 32], "layers": [1, 1, 1, 1]}
KINDS = ("fcos", "faster_rcnn")
OF_KIND: dict[str, dict[str, Any]] = {
    "fcos": {"head_depth": 2, "num_regions": 16},
    "faster_rcnn": {"head_depth": 1, "num_regions": 24, "num_proposals": 40, "anchor_samples": 32},
}


def make_detector(kind: str, *, seed: int = 0, **changes: Any) -> Detector:
    torch.manual_seed(seed)
    settings = {"arch": "timm/resnet18", "args": SMALL, "pyramid_width": 12, "head_width": 10, "region_size": 3}
    return build_detector(kind=kind, **{**settings, **OF_KIND[kind], **changes})


def make_images(count: int = 2, height: int = 64, width: int = 96) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (count, 3, height, width), generator=generator, dtype=torch.uint8)


def make_sizes(count: int = 2, height: int = 64, width: int = 96) -> torch.Tensor:
    return torch.tensor([[height, width]] * count)


def make_target(boxes: Any = (), *, ignored: Any = (), weights: Any = None) -> BoxTargets:
    people = torch.as_tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    regions = torch.as_tensor(ignored, dtype=torch.float32).reshape(-1, 4)
    confidence = torch.ones(len(people)) if weights is None else torch.as_tensor(weights, dtype=torch.float32)
    return BoxTargets(people, confidence, regions)


def make_targets() -> tuple[BoxTargets, ...]:
    first = make_target([[10.0, 10, 26, 50], [40, 5, 65, 62]], ignored=[[70, 0, 96, 64]], weights=[1.0, 0.5])
    return first, make_target([[30.0, 20, 42, 48]])
