"""Detections of a whole data set, in the pixels of its frames, sharded over the processes."""

import time
from collections.abc import Sequence

import numpy as np
import torch

from datasets.frame_loader import FrameDataset
from pipeline import distributed
from pipeline.detection_types import Detections
from pipeline.models.detection.detector import Detector
from pipeline.training.detection.looking import detect_resized
from pipeline.training.precision import Precision


@torch.no_grad()
def find_people(
    model: Detector,
    frames: FrameDataset,
    *,
    indices: np.ndarray | None = None,
    mirrored: bool = False,
    factor: float = 1.0,
    batch: int = 8,
    score_threshold: float = 0.01,
    nms_threshold: float = 0.5,
    max_detections: int = 300,
    precision: Precision | None = None,
) -> list[Detections]:
    """Return what a detector finds on each frame, in pixels of the cached frame.

    Args:
        model: the network; runs in eval mode and is left in the mode that it came in.
        frames: N frames.
        indices: positions of the frames to look at; None = all.
        mirrored: look at the mirror image; the boxes are mirrored back.
        factor: size in which each frame is looked at; the boxes are scaled back.
        batch: frames a forward.
        score_threshold: weaker boxes are left out.
        nms_threshold: IoU above which the weaker of two boxes goes.
        max_detections: strongest boxes kept on a frame.
        precision: autocast settings.

    Returns:
        one entry for each index, the same on every process.
    """
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    precision = precision or Precision()
    chosen = np.arange(len(frames)) if indices is None else indices
    mine = np.array_split(np.arange(len(chosen)), distributed.world_size())[distributed.rank()]
    found: list[tuple[int, Detections]] = []
    for first in range(0, len(mine), batch):
        places = mine[first : first + batch]
        shown = frames.collect([(int(chosen[i]), 0) for i in places], is_augmented=False)
        images, sizes = shown.images.to(device), shown.sizes.to(device)
        if mirrored:
            images = _mirror(images, sizes)
        with precision.autocast():
            said = detect_resized(
                model, images, sizes, factor=factor, score_threshold=score_threshold, nms_threshold=nms_threshold,
                max_detections=max_detections,
            )  # fmt: skip
        for place, size, one in zip(places, shown.sizes.tolist(), said, strict=True):
            found.append((int(place), _mirrored_back(one, width=size[1]) if mirrored else one))
    model.train(was_training)
    shards = distributed.gather_objects(found)
    return [one for _, one in sorted((entry for shard in shards for entry in shard), key=lambda entry: entry[0])]


def _mirror(images: torch.Tensor, sizes: torch.Tensor) -> torch.Tensor:
    """Mirror every frame inside its own size; padding stays at the right."""
    flipped = torch.zeros_like(images)
    for i, (_, width) in enumerate(sizes.tolist()):
        flipped[i, :, :, :width] = images[i, :, :, :width].flip(2)
    return flipped


def _mirrored_back(found: Detections, *, width: int) -> Detections:
    boxes = found.boxes.copy()
    boxes[:, [0, 2]] = width - found.boxes[:, [2, 0]]
    return Detections(boxes, found.scores)


def in_stored_pixels(frames: FrameDataset, found: Sequence[Detections]) -> list[Detections]:
    """Scale boxes from the network's input back to the frames as they are stored.

    Args:
        frames: all of them.
        found: on each frame, in pixels of the cached one.
    """
    return [
        Detections((one.boxes / frames.cache.factors[i]).astype(np.float32), one.scores) for i, one in enumerate(found)
    ]


@torch.no_grad()
def frames_per_second(model: Detector, size: tuple[int, int], *, batch: int = 4, seconds: float = 2.0) -> float:
    """Return how many frames a second the network looks through on its present device, pixels at hand.

    Args:
        model: the network, in eval mode.
        size: height and width of a frame.
        batch: frames a forward.
        seconds: how long to measure.
    """
    device = next(model.parameters()).device
    images = torch.zeros((batch, 3, *size), dtype=torch.uint8, device=device)
    sizes = torch.tensor([size] * batch, device=device)
    settings = {"score_threshold": 0.05, "nms_threshold": 0.5, "max_detections": 100}
    model.eval().detect(images, sizes, **settings)  # type: ignore[arg-type]
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        model.detect(images, sizes, **settings)  # type: ignore[arg-type]
        if device.type == "cuda":
            torch.cuda.synchronize()
        count += batch
    return count / (time.perf_counter() - began)
