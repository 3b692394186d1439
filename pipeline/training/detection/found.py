"""What a mean network finds on all target frames, once a round: the boxes that teach until the next one."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from datasets.frame_loader import FrameDataset
from pipeline.detection_types import Detections
from pipeline.models.detection.detector import Detector
from pipeline.training.detection.calibration import Calibration
from pipeline.training.detection.looking import merge_looks
from pipeline.training.detection.scoring import find_people
from pipeline.training.precision import Precision

# Less sure boxes would neither teach nor be left out of account.
_LEAST = 0.01
# So many frames in their own size go through the network together.
_FRAMES = 8


def find_on_all(
    model: Detector,
    frames: FrameDataset,
    *,
    calibration: Calibration,
    looks: Sequence[float],
    nms_threshold: float,
    most: int,
    is_moving: bool,
    precision: Precision | None = None,
) -> list[Detections]:
    """Look at every frame in several sizes and join what was found.

    Args:
        model: the network, set to the frames' statistics.
        frames: N target frames.
        calibration: from its scores to confidences.
        looks: sizes in which each frame is looked at; 1 = as it is.
        nms_threshold: IoU above which the less sure of two boxes goes.
        most: surest boxes kept on a frame.
        is_moving: whether the share of a box that is foreground has a say.
        precision: autocast settings.

    Returns:
        N entries with confidences in place of scores, in pixels of the cached frames; the same on every process.
    """
    sure: list[list[Detections]] = [[] for _ in range(len(frames))]
    for factor in looks:
        found = find_people(
            model, frames, factor=factor, batch=_batch(factor), score_threshold=0.02, nms_threshold=nms_threshold,
            max_detections=most, precision=precision,
        )  # fmt: skip
        for index, one in enumerate(found):
            shares = frames.foreground_shares(index, one.boxes) if is_moving else None
            sure[index].append(calibration.applied(one, shares, least=_LEAST))
    return [merge_looks(one, nms_threshold=nms_threshold, most=most) for one in sure]


def _batch(factor: float) -> int:
    """Return how many frames are looked at together: enlarged ones take more memory."""
    return max(1, round(_FRAMES / max(1.0, factor) ** 2))


def to_tensors(found: Sequence[Detections] | None) -> dict[str, Tensor]:
    """Return what a resume point keeps; nothing where nobody was looked for.

    Args:
        found: one entry a frame.
    """
    if found is None:
        return {}
    rows = [np.concatenate([one.boxes, one.scores[:, None]], axis=1) for one in found]
    counts = torch.tensor([len(one) for one in found], dtype=torch.int64)
    table = np.concatenate([np.zeros((0, 5), np.float32), *rows]).astype(np.float32)
    return {"counts": counts, "rows": torch.from_numpy(table)}


def from_tensors(tensors: Mapping[str, Tensor]) -> list[Detections] | None:
    """Return what such tensors hold."""
    if not tensors:
        return None
    ends = torch.cumsum(tensors["counts"], dim=0).numpy()[:-1]
    return [Detections(rows[:, :4], rows[:, 4]) for rows in np.split(tensors["rows"].numpy(), ends)]
