"""Small batches of frames and what two detectors say about them."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.detection_types import BoxTargets, DetectionBatch, DetectorShape, DetectorTaps

STRIDES = (8, 16)
HEIGHT, WIDTH = 48, 64
CHANNELS, CELLS, PENULTIMATE = 4, 3, 6
# The second frame is smaller than its image: it has padding on both levels.
SIZES = ((48, 64), (33, 40))
BOXES = (((4.0, 2.0, 20.0, 40.0), (30.0, 5.0, 40.0, 30.0)), ((1.0, 3.0, 12.0, 30.0),))
ROIS = (((3.0, 2.0, 21.0, 39.0), (40.0, 10.0, 60.0, 40.0)), ((1.0, 3.0, 12.0, 29.0),))


def make_shape(
    *, kind: str = "fcos", strides: tuple[int, ...] = STRIDES, width: int = CHANNELS, **given: int
) -> DetectorShape:
    return DetectorShape(kind, strides, width, given.get("region_size", CELLS), given.get("penultimate", PENULTIMATE))


def make_shapes(*, kind: str = "fcos", student_width: int = CHANNELS, teacher_width: int = CHANNELS) -> dict[str, Any]:
    return {
        "student_shape": make_shape(kind=kind, width=student_width),
        "teacher_shape": make_shape(kind=kind, width=teacher_width),
    }


def make_targets(boxes: Sequence[Sequence[float]], weights: Sequence[float] | None = None) -> BoxTargets:
    count = len(boxes)
    weight = torch.ones(count) if weights is None else torch.tensor(weights)
    return BoxTargets(torch.tensor(boxes).reshape(count, 4), weight, torch.zeros(0, 4))


def make_batch(*, sizes: Sequence[Sequence[int]] = SIZES, boxes: Sequence[Any] | None = BOXES) -> DetectionBatch:
    count = len(sizes)
    targets = None if boxes is None else tuple(make_targets(mine) for mine in boxes)
    images = torch.zeros(count, 3, 1, 1, dtype=torch.uint8)
    return DetectionBatch(images, torch.tensor(sizes), torch.arange(count), targets)


def make_maps(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32, trainable: bool = False) -> Tensor:
    values = torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return values.to(dtype).requires_grad_(trainable)


def make_taps(
    *,
    seed: int,
    kind: str = "fcos",
    width: int = CHANNELS,
    rois: Sequence[Any] = ROIS,
    like: Mapping[str, Any] | None = None,
) -> DetectorTaps:
    """Random taps of every sort; `like` gives dtype and trainable."""
    how = dict(like or {})
    frames, anchors = len(rois), 1 if kind == "fcos" else 2
    grids = {stride: (HEIGHT // stride, WIDTH // stride) for stride in STRIDES}
    regions = sum(len(mine) for mine in rois)

    def by_stride(channels: int, at: int) -> dict[int, Tensor]:
        return {s: make_maps(frames, channels, *grid, seed=seed + at + s, **how) for s, grid in grids.items()}

    boxes = by_stride(4 * anchors, 100)
    if kind == "fcos":
        boxes = {s: make_positive(value) for s, value in boxes.items()}
    return DetectorTaps(
        pyramid=by_stride(width, 0),
        rois=tuple(torch.tensor(mine).reshape(-1, 4) for mine in rois),
        regions=make_maps(regions, width, CELLS, CELLS, seed=seed + 200, **how),
        penultimate=make_maps(regions, PENULTIMATE, seed=seed + 300, **how),
        region_logits=make_maps(regions, 2, seed=seed + 400, **how) if kind != "fcos" else None,
        region_deltas=make_maps(regions, 4, seed=seed + 500, **how) if kind != "fcos" else None,
        dense_logits=by_stride(anchors, 600),
        dense_boxes=boxes,
        towers=by_stride(PENULTIMATE, 700) if kind == "fcos" else {},
    )


def make_positive(values: Tensor) -> Tensor:
    return (values.detach().abs() + 0.1).requires_grad_(values.requires_grad)


def leaves_of(taps: DetectorTaps, *names: str) -> list[Tensor]:
    """The tensors of some taps, of all where no names are given."""
    found: list[Tensor] = []
    for name in names or [field.name for field in fields(taps)]:
        value = getattr(taps, name)
        found += list(value.values()) if isinstance(value, Mapping) else [value] if isinstance(value, Tensor) else []
    return found


def everywhere(maps: Tensor) -> Tensor:
    return torch.ones(maps.shape[0], *maps.shape[2:], dtype=torch.bool)


class FakeHead(nn.Module):
    """A head of which only the last layer is left."""

    depth = 2

    def __init__(self) -> None:
        super().__init__()
        self.person = nn.Conv2d(PENULTIMATE, 1, 3, padding=1)


class FakeTeacher(nn.Module):
    """A one-stage teacher with nothing but its head."""

    def __init__(self) -> None:
        super().__init__()
        self.head = FakeHead()
        nn.init.normal_(self.head.person.weight, std=0.5, generator=torch.Generator().manual_seed(5))
        self.requires_grad_(False)

    def cross_predict(self, towers: Mapping[int, Tensor], layer: int) -> tuple[dict[int, Tensor], dict[int, Tensor]]:
        assert layer == self.head.depth
        halves = {stride: both.split(PENULTIMATE, dim=1) for stride, both in towers.items()}
        return {stride: self.head.person(person) for stride, (person, _) in halves.items()}, {}
