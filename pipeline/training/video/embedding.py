"""One embedding for each tracklet: of clips by a network of clips, or the mean over frames of a network of crops."""

import numpy as np
import torch

from datasets.clips import ClipDataset
from datasets.loader import CropDataset
from datasets.tracklet_groups import Tracklet
from pipeline.models.reid import ReIDModel
from pipeline.models.video.clip_model import ClipModel
from pipeline.training.extraction import extract_embeddings
from pipeline.training.precision import Precision


@torch.no_grad()
def embed_clips(model: ClipModel, clips: ClipDataset, *, batch: int = 64, precision: Precision) -> np.ndarray:
    """Return the mean over a tracklet's clips of their embeddings, of length one.

    Args:
        model: the network; runs in eval mode and is left in it.
        clips: N tracklets.
        batch: clips a forward.
        precision: autocast settings.

    Returns:
        (N, D) float32.
    """
    model.eval()
    device = next(model.parameters()).device
    sums: np.ndarray | None = None
    for part in clips.in_order(batch=batch):
        with precision.autocast():
            rows = model.embed(part.images.to(device, non_blocking=True)).float().cpu().numpy()
        if sums is None:
            sums = np.zeros((len(clips), rows.shape[1]), np.float32)
        np.add.at(sums, part.indices.numpy(), rows)
    assert sums is not None, "there is a tracklet"
    return _unit(sums)


def embed_frames(
    model: ReIDModel, crops: CropDataset, tracklets: tuple[Tracklet, ...], *, precision: Precision
) -> np.ndarray:
    """Return the mean over a tracklet's frames of their unit embeddings, of length one.

    Args:
        model: a network of single crops.
        crops: all crops.
        tracklets: N of them.
        precision: autocast settings.

    Returns:
        (N, D) float32.
    """
    rows = _unit(extract_embeddings(model, crops, flip=False, precision=precision))
    return _unit(np.stack([rows[list(tracklet.positions)].mean(0) for tracklet in tracklets]))


def _unit(rows: np.ndarray) -> np.ndarray:
    unit: np.ndarray = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return unit.astype(np.float32)
