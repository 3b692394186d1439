"""Embeddings of crops by a model file, for tools that index them or search for them."""

from pathlib import Path

import numpy as np
import torch

from datasets.crop_batches import read_crops
from datasets.prefetch import prefetched
from datasets.records import ReIDData
from pipeline.atomic_files import sha256_of_file
from pipeline.errors import DataError
from pipeline.models.joined_cameras import camera_positions
from pipeline.retrieval.feature_rows import FeatureRows
from pipeline.retrieval.origin import Origin, check_comparable
from pipeline.retrieval.row_names import row_names
from pipeline.training.embedder_file import load_embedder
from pipeline.training.extraction import DECODING_THREADS, embedded, evaluating

_BATCH = 256


def embed_queries(file: Path, data: ReIDData, gallery: Origin, *, device: torch.device, site: str = "") -> FeatureRows:
    """Embed crops as those were that they shall be compared with.

    Args:
        file: of the model.
        data: the crops; all have to be readable.
        gallery: what made the other side; where it is not known, embeddings are plain.
        device: where to compute.
        site: name of the crops' target, for a model that was adapted to several.

    Raises:
        CheckpointError: the model file cannot be used.
        DataError: the gallery was embedded by another model, or a crop cannot be read.
    """
    origin = Origin(sha256_of_file(file) if file.is_file() else None, data.digest, gallery.is_standardised)
    check_comparable(origin, gallery)
    loaded = load_embedder(file)
    model = loaded.model.to(device)
    spans = [range(first, min(first + _BATCH, len(data))) for first in range(0, len(data), _BATCH)]
    errors: dict[int, DataError] = {}

    def pixels(span: range) -> torch.Tensor:
        crops = read_crops(data, span, size=model.size)
        errors.update(crops.errors)
        return crops.images

    with evaluating(model):
        rows = np.concatenate(list(embedded(model, prefetched(pixels, spans, workers=DECODING_THREADS))))
    if errors:
        raise errors[min(errors)]
    if gallery.is_standardised and loaded.cameras is not None:
        known = camera_positions(data.cameras, loaded.cameras, site=site)
        cameras = np.array([known.get(s.camera_id or "", -1) for s in data.samples], np.int64)
        rows = loaded.cameras.standardise(rows, cameras)
    samples = data.samples
    names = row_names([s.path for s in samples], [s.camera_id for s in samples], [s.person_id for s in samples])
    return FeatureRows(rows, np.arange(len(rows)), names, origin)
