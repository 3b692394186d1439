"""Embeddings of a fixed list of crops, kept while the network that made them stays as it is."""

import hashlib
import json
import logging
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from datasets.decoding import listing_key
from datasets.loader import CropDataset
from pipeline import distributed
from pipeline.atomic_files import TEMPORARY_PREFIX
from pipeline.checkpoint_file import load_tensors, save_tensors
from pipeline.errors import CheckpointError
from pipeline.models.reid import ReIDModel
from pipeline.training.extraction import embedded, evaluating, extract_embeddings
from pipeline.training.precision import Precision

logger = logging.getLogger(__name__)
# A teacher that rests and a student that learns.
KEPT_TABLES = 2
LARGEST_KEPT_BYTES = 1 << 30
CHECKED_ROWS = 8


class EmbeddingCache:
    """Answers with what it has for a network's weights and a data set's listing, and embeds only what is new.

    A network that rests between two rounds is embedded once. With a folder, a resumed run and other runs with the same
    teacher and target read what was written there.

    Args:
        folder: of the files, on a disk that all processes share or on each of their own; None keeps nothing on a disk.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self._tables: OrderedDict[str, np.ndarray] = OrderedDict()

    def embeddings(self, model: ReIDModel, crops: CropDataset, *, precision: Precision) -> np.ndarray:
        """Return what `extract_embeddings` returns.

        Args:
            model: the network.
            crops: N crops in their own order, never augmented here.
            precision: autocast settings.

        Returns:
            (N, D) float32, not to be written to.
        """
        document = _document(model, crops, precision)
        key = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
        table = self._tables.get(key)
        # Embedding is the work of all processes: either all of them have the table, or none goes without.
        if not all(distributed.gather_objects(table is not None)):
            table = self._read(key, document)
            if table is not None and not _fits(table, model, crops, precision):
                logger.warning("%s is stale: its rows are not what the network says; it is made anew", self._path(key))
                table = None
            if not all(distributed.gather_objects(table is not None)):
                table = extract_embeddings(model, crops, precision=precision)
                self._write(key, document, table)
        assert table is not None, "every process has the table"
        self._keep(key, table)
        return table

    def _keep(self, key: str, table: np.ndarray) -> None:
        table.flags.writeable = False
        if table.nbytes <= LARGEST_KEPT_BYTES:
            self._tables[key] = table
            self._tables.move_to_end(key)
        while len(self._tables) > KEPT_TABLES:
            self._tables.popitem(last=False)

    def _path(self, key: str) -> Path:
        assert self.folder is not None, "only a cache with a folder has files"
        return self.folder / f"{key[:32]}.safetensors"

    def _read(self, key: str, document: dict[str, Any]) -> np.ndarray | None:
        if self.folder is None or not self._path(key).is_file():
            return None
        try:
            tensors = load_tensors(self._path(key))
            told, table = json.loads(bytes(tensors["document"].tolist())), tensors["embeddings"].numpy()
            if told != {**document, "rows": _digest(table)}:
                raise CheckpointError("it is about other weights, crops or rows than its name says")
        except (CheckpointError, KeyError, ValueError) as error:
            logger.warning("%s is refused (%s); it is made anew", self._path(key), error)
            return None
        return table

    def _write(self, key: str, document: dict[str, Any], table: np.ndarray) -> None:
        if self.folder is None or distributed.rank() != 0:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps({**document, "rows": _digest(table)}).encode()
        temporary = self.folder / f"{TEMPORARY_PREFIX}{self._path(key).name}"
        save_tensors(temporary, {
            "embeddings": torch.from_numpy(table), "document": torch.frombuffer(bytearray(text), dtype=torch.uint8),
        })  # fmt: skip
        temporary.replace(self._path(key))


def _document(model: ReIDModel, crops: CropDataset, precision: Precision) -> dict[str, Any]:
    """Say what embeddings depend on: the network with all it holds, the crops, and how they are computed."""
    sizes = [part.size for part in model.modules() if isinstance(part, ReIDModel)]
    return {
        "network": _network_digest(model), "sizes": [list(size) for size in sizes],
        "crops": listing_key(crops.cache.data), "crop_size": list(crops.cache.size), "flip": True,
        "amp": precision.amp,
    }  # fmt: skip


def _network_digest(model: nn.Module) -> str:
    # The text names strides and the like, which are in no tensor; `state_dict` lacks the mean and deviation of pixels.
    digest = hashlib.sha256(repr(model).encode())
    for name, value in sorted([*model.named_parameters(), *model.named_buffers()]):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _digest(table: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(table).data).hexdigest()


def _fits(table: np.ndarray, model: ReIDModel, crops: CropDataset, precision: Precision) -> bool:
    """Embed a few crops anew: images may have changed under the same names."""
    if table.shape != (len(crops), model.embedding_width):
        return False
    rows = np.unique(np.linspace(0, len(crops) - 1, min(CHECKED_ROWS, len(crops))).astype(int))
    images = crops.collect([(int(row), 0) for row in rows], is_augmented=False).images
    with evaluating(model):
        (said,) = embedded(model, [images], precision=precision)
    # Half precision and another number of threads round otherwise; another picture differs by far more.
    far = np.linalg.norm(said - table[rows], axis=1)
    return bool((far <= 0.02 * np.linalg.norm(table[rows], axis=1) + 1e-6).all())
