"""Embeddings of a whole data set, sharded over the processes."""

import numpy as np
import torch
from torch import Tensor

from datasets.loader import CropDataset
from pipeline import distributed
from pipeline.models.reid import ReIDModel
from pipeline.training.precision import Precision


@torch.no_grad()
def extract_embeddings(
    model: ReIDModel, crops: CropDataset, *, batch: int = 256, flip: bool = True, precision: Precision | None = None
) -> np.ndarray:
    """Return the BNNeck embedding of every crop, not L2-normalised.

    Args:
        model: the network; runs in eval mode and is left in the mode that it came in.
        crops: N crops in their own order.
        batch: images a forward.
        flip: average the embedding of the crop and of its mirror image.
        precision: autocast settings.

    Returns:
        (N, D) float32, the same on every process.
    """
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    precision = precision or Precision()
    rows = []
    # Every process embeds one contiguous share.
    shares = np.array_split(np.arange(len(crops)), distributed.world_size())
    mine = shares[distributed.rank()]
    for first in range(0, len(mine), batch):
        indices = mine[first : first + batch]
        images = crops.collect([(int(i), 0) for i in indices], is_augmented=False).images
        with precision.autocast():
            rows.append((indices, _embed(model, images.to(device), flip=flip).float().cpu().numpy()))
    model.train(was_training)
    parts = [part for shard in distributed.gather_objects(rows) for part in shard]
    features = np.empty((len(crops), model.embedding_width), dtype=np.float32)
    for indices, values in parts:
        features[indices] = values
    return features


def _embed(model: ReIDModel, images: Tensor, *, flip: bool) -> Tensor:
    embedding = model(images).bn_embedding
    return (embedding + model(images.flip(3)).bn_embedding) / 2 if flip else embedding
