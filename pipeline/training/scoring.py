"""From a network and a probe to retrieval numbers: embed, standardise by camera, search, rank."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from datasets.cache import load_pixels
from datasets.loader import CropDataset
from datasets.records import ReIDData, ReIDProbe
from pipeline.metrics.neighbour_ranking import rank_from_neighbours
from pipeline.metrics.positives import GalleryGroups
from pipeline.metrics.ranking import rank_distances, rank_queries
from pipeline.metrics.ranking_result import RankingResult
from pipeline.models.camera_statistics import CameraStatistics
from pipeline.models.joined_cameras import camera_positions
from pipeline.models.reid import ReIDModel
from pipeline.retrieval.index import EXACT, build_index
from pipeline.retrieval.torch_index import TorchIndex
from pipeline.training.extraction import extract_embeddings
from pipeline.training.precision import Precision
from pipeline.types import EmbeddingTable


@dataclass(frozen=True)
class ProbeTables:
    """Embeddings of a probe with what was used to compare them.

    Args:
        query: Q embeddings, as retrieval compares them.
        gallery: G embeddings.
        unknown_cameras: cameras of the probe that the model's statistics do not know.
        camera_names: by the positions that the tables use.
    """

    query: EmbeddingTable
    gallery: EmbeddingTable
    unknown_cameras: tuple[str, ...]
    camera_names: tuple[str, ...]


def embed_probe(
    model: ReIDModel,
    probe: ReIDProbe,
    *,
    statistics: CameraStatistics | None,
    precision: Precision,
    flip: bool = True,
    site: str = "",
) -> ProbeTables:
    """Embed query and gallery.

    Args:
        model: the network.
        probe: labelled query and gallery.
        statistics: of the cameras that the model was adapted to; a camera that they don't know is standardised by
            the statistics of all cameras together. None compares embeddings as they are.
        precision: autocast settings.
        flip: average with the mirror image's embedding.
        site: name of the probe's target among those that the model was adapted to, where it was adapted to several.
    """
    names = sorted({s.camera_id for part in (probe.query, probe.gallery) for s in part.samples if s.camera_id})
    positions = {name: i for i, name in enumerate(names)}
    known = {} if statistics is None else camera_positions(names, statistics, site=site)
    tables = []
    for part in (probe.query, probe.gallery):
        data, cache = load_pixels(part, size=model.size)
        cameras = np.array([positions.get(s.camera_id or "", -1) for s in data.samples], np.int64)
        features = extract_embeddings(model, CropDataset(cache, None, cameras), flip=flip, precision=precision)
        tables.append(_table(data, _compared(features, data, statistics, known), cameras))
    unknown = () if statistics is None else tuple(name for name in names if name not in known)
    return ProbeTables(tables[0], tables[1], unknown, tuple(names))


def _compared(
    features: np.ndarray, data: ReIDData, statistics: CameraStatistics | None, known: Mapping[str, int]
) -> np.ndarray:
    if statistics is None:
        return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    return statistics.standardise(
        features, np.array([known.get(s.camera_id or "", -1) for s in data.samples], np.int64)
    )


def _table(data: ReIDData, features: np.ndarray, cameras: np.ndarray) -> EmbeddingTable:
    persons = np.array([-1 if s.person_id is None else s.person_id for s in data.samples], np.int64)
    return EmbeddingTable(features.astype(np.float32), persons, cameras, tuple(s.path for s in data.samples))


def rank_tables(
    query: EmbeddingTable,
    gallery: EmbeddingTable,
    *,
    index: str = "flat",
    index_options: Mapping[str, Any] | None = None,
    ap: str = "step",
    cameras: str = "discard_same",
    neighbours: int = 1000,
) -> RankingResult:
    """Rank a gallery for all queries, in blocks.

    Args:
        query: Q embeddings.
        gallery: G embeddings.
        index: 'flat' ranks exactly, 'torch' exactly on CUDA, 'ivf', 'pq' and 'hnsw' rank the lists that they find.
        index_options: of the index.
        ap: 'step' or 'trapezoid'.
        cameras: 'discard_same' or 'unknown'.
        neighbours: length of an approximate index's lists.

    Raises:
        DataError: no query can be ranked; the sentence says why.
    """
    columns = (query.person_ids, query.camera_ids)
    if index == "flat":
        return rank_queries(
            query.features, *columns, gallery.features, gallery.person_ids, gallery.camera_ids, ap=ap, cameras=cameras
        )
    built = build_index(index, dimension=query.features.shape[1], metric="cosine", **dict(index_options or {}))
    built.add(gallery.features)
    if index in EXACT and isinstance(built, TorchIndex):
        groups = GalleryGroups(
            *columns, gallery_ids=gallery.person_ids, gallery_cameras=gallery.camera_ids, cameras=cameras
        )
        return rank_distances(built.distance_blocks(query.features), groups, ap=ap)
    _, found = built.search(query.features, min(neighbours, len(gallery)))
    return rank_from_neighbours(found, *columns, gallery.person_ids, gallery.camera_ids, ap=ap, cameras=cameras)


@torch.no_grad()
def images_per_second(model: ReIDModel, *, batch: int = 64, seconds: float = 1.0) -> float:
    """Return how many crops a second the network embeds on its present device, pixels at hand.

    Args:
        model: the network, in eval mode.
        batch: images a forward.
        seconds: how long to measure.
    """
    device = next(model.parameters()).device
    images = torch.zeros((batch, 3, *model.size), dtype=torch.uint8, device=device)
    model.embed(images)
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        model.embed(images)
        if device.type == "cuda":
            torch.cuda.synchronize()
        count += batch
    return count / (time.perf_counter() - began)
