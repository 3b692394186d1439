"""Embeddings of many crops: decoding runs ahead in threads while the network embeds."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from datasets.loader import CropDataset
from datasets.prefetch import prefetched
from pipeline import distributed
from pipeline.models.reid import ReIDModel
from pipeline.training.precision import Precision

# Beyond that, threads wait for Python's lock more than they decode.
DECODING_THREADS = 4


def extract_embeddings(
    model: ReIDModel,
    crops: CropDataset,
    *,
    batch: int = 256,
    flip: bool = True,
    precision: Precision | None = None,
    workers: int = DECODING_THREADS,
    positions: np.ndarray | None = None,
) -> np.ndarray:
    """Return the BNNeck embedding of every crop, not L2-normalised.

    Every process embeds one contiguous share. What does not fit into the memory of each of them is better written to a
    table, see `table_extraction`.

    Args:
        model: the network; runs in eval mode and is left in the mode that it came in.
        crops: N crops in their own order.
        batch: images a forward.
        flip: average the embedding of the crop and of its mirror image.
        precision: autocast settings.
        workers: threads that decode ahead; crops whose pixels are in memory need none.
        positions: (M,) of the crops to embed, all N where None.

    Returns:
        (N, D) or (M, D) float32, the same on every process.
    """
    wanted = np.arange(len(crops)) if positions is None else positions
    shares = np.array_split(np.arange(len(wanted)), distributed.world_size())
    mine = shares[distributed.rank()]
    parts = [mine[first : first + batch] for first in range(0, len(mine), batch)]

    def pixels(indices: np.ndarray) -> Tensor:
        return crops.collect([(int(i), 0) for i in wanted[indices]], is_augmented=False).images

    threads = workers if crops.cache.pixels is None else 0
    with evaluating(model):
        images = prefetched(pixels, parts, workers=threads)
        rows = list(zip(parts, embedded(model, images, flip=flip, precision=precision), strict=True))
    features = np.empty((len(wanted), model.embedding_width), dtype=np.float32)
    for indices, values in (part for shard in distributed.gather_objects(rows) for part in shard):
        features[indices] = values
    return features


@torch.no_grad()
def embedded(
    model: ReIDModel, batches: Iterable[Tensor], *, flip: bool = True, precision: Precision | None = None
) -> Iterator[np.ndarray]:
    """Yield the BNNeck embeddings of each batch, not L2-normalised; a GPU begins one before the last is fetched.

    Args:
        model: the network, in eval mode.
        batches: (B, 3, H, W) uint8 pixels each.
        flip: average the embedding of the crop and of its mirror image.
        precision: autocast settings.

    Yields:
        (B, D) float32.
    """
    device = next(model.parameters()).device
    precision = precision or Precision()
    waiting: _Fetched | None = None
    for images in batches:
        with precision.autocast():
            values = _embed(model, images.to(device, non_blocking=True), flip=flip)
        fetched = _Fetched(values.float())
        if waiting is not None:
            yield waiting.rows()
        waiting = fetched
    if waiting is not None:
        yield waiting.rows()


@contextmanager
def evaluating(model: ReIDModel) -> Iterator[None]:
    """Put a network into eval mode, and back into the mode that it came in."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


class _Fetched:
    """Rows on their way from the device; on CUDA the copy waits for its own batch and not for the one after it."""

    def __init__(self, values: Tensor) -> None:
        self._event = torch.cuda.Event() if values.is_cuda else None
        self._host = values
        if self._event is not None:
            self._host = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
            self._host.copy_(values, non_blocking=True)
            self._event.record()

    def rows(self) -> np.ndarray:
        if self._event is not None:
            self._event.synchronize()
        return self._host.numpy()


def _embed(model: ReIDModel, images: Tensor, *, flip: bool) -> Tensor:
    embedding = model(images).bn_embedding
    return (embedding + model(images.flip(3)).bn_embedding) / 2 if flip else embedding
