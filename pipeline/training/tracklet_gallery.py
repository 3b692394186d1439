"""A folder of tracklets as a gallery: what a model says of each tracklet, where and when it was filmed."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from datasets.records import ReIDData
from datasets.tracklets import read_tracklets
from pipeline.retrieval.origin import Origin
from pipeline.retrieval.tracklet_search import cosine_distances, nearest_by_camera, tracklet_features
from pipeline.training.crop_embedding import embed_queries


@dataclass(frozen=True)
class TrackletGallery:
    """Tracklets by position.

    Args:
        root: the folder that holds tracklets.csv.
        data: the crops.
        names: T names of tracklets.
        cameras: T names of cameras.
        spans: (T, 2) float64 first and last second of each tracklet's crops.
        tracklets: (N,) int64 position of each crop's tracklet.
        crops: (N, D) float32 embeddings of the crops, as they are compared.
        features: (T, D) float32 of the tracklets, of length one.
    """

    root: Path
    data: ReIDData
    names: tuple[str, ...]
    cameras: tuple[str, ...]
    spans: np.ndarray
    tracklets: np.ndarray
    crops: np.ndarray
    features: np.ndarray

    def __len__(self) -> int:
        """Return the number of tracklets."""
        return len(self.names)

    def distances(self, query: np.ndarray) -> np.ndarray:
        """Return (T,) cosine distances of an embedding (D,) to every tracklet."""
        return cosine_distances(query, self.features)

    def nearest(self, distances: np.ndarray, count: int, *, without: int = -1) -> dict[str, np.ndarray]:
        """Return the nearest tracklets of each camera.

        Args:
            distances: (T,) to a query.
            count: how many of each camera.
            without: position of a tracklet to leave out, the query's own.
        """
        others = np.array([position for position in range(len(self)) if position != without], np.int64)
        found = nearest_by_camera(distances[others], [self.cameras[p] for p in others], count=count)
        return {camera: others[positions] for camera, positions in found.items()}

    def likest_crop(self, query: np.ndarray, tracklet: int) -> np.ndarray:
        """Return the crop of a tracklet that is nearest to an embedding (D,), (H, W, 3) uint8 RGB."""
        rows = np.flatnonzero(self.tracklets == tracklet)
        row = rows[int(cosine_distances(query, self.crops[rows]).argmin())]
        return self.data.load(self.data.samples[row])


def embed_tracklets(
    file: Path, root: Path, *, device: torch.device, is_standardised: bool, site: str = ""
) -> TrackletGallery:
    """Embed a folder of tracklets.

    Args:
        file: of the model.
        root: the folder that holds tracklets.csv.
        device: where to compute.
        is_standardised: whether to use the camera statistics in the model's file, where it has some.
        site: name of the cameras' target, for a model that was adapted to several.

    Raises:
        CheckpointError: the model file cannot be used.
        DataError: the folder cannot be read.
    """
    data = read_tracklets(str(root))
    crops = embed_crops(file, data, device=device, is_standardised=is_standardised, site=site)
    names = sorted({sample.tracklet_id or "" for sample in data.samples})
    places = {name: position for position, name in enumerate(names)}
    tracklets = np.array([places[sample.tracklet_id or ""] for sample in data.samples], np.int64)
    seconds = np.array([sample.seconds or 0.0 for sample in data.samples])
    rows = [np.flatnonzero(tracklets == position) for position in range(len(names))]
    return TrackletGallery(
        root=root,
        data=data,
        names=tuple(names),
        cameras=tuple(data.samples[own[0]].camera_id or "" for own in rows),
        spans=np.array([(seconds[own].min(), seconds[own].max()) for own in rows]),
        tracklets=tracklets,
        crops=crops,
        features=tracklet_features(crops, tracklets, len(names)),
    )


def embed_crops(
    file: Path, data: ReIDData, *, device: torch.device, is_standardised: bool, site: str = ""
) -> np.ndarray:
    """Return (N, D) float32 embeddings of crops as they are compared.

    Args:
        file: of the model.
        data: the crops.
        device: where to compute.
        is_standardised: whether to use the camera statistics in the model's file, where it has some.
        site: name of the crops' target, for a model that was adapted to several.
    """
    return embed_queries(file, data, Origin(is_standardised=is_standardised), device=device, site=site).features
