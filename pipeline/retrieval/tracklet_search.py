"""Whom a picture shows among tracklets: one direction for each tracklet, and the nearest of each camera."""

from collections.abc import Sequence

import numpy as np

_EPS = 1e-12


def tracklet_features(features: np.ndarray, tracklets: np.ndarray, count: int) -> np.ndarray:
    """Return the mean direction of the crops of each tracklet.

        g_t = m_t / |m_t|,  m_t = mean of f_i / |f_i| over the crops i of tracklet t

    Args:
        features: (N, D) embeddings of crops.
        tracklets: (N,) int64 position of each crop's tracklet.
        count: number of tracklets T; each has a crop.

    Returns:
        (T, D) float32 of length one.
    """
    rows = _directions(features)
    total = np.zeros((count, rows.shape[1]))
    np.add.at(total, tracklets, rows)
    return _directions(total).astype(np.float32)


def cosine_distances(query: np.ndarray, features: np.ndarray) -> np.ndarray:
    """Return (T,) distances 1 - cos of one embedding (D,) to T others (T, D), none of length zero."""
    return 1.0 - _directions(features) @ _directions(query[None])[0]


def nearest_by_camera(distances: np.ndarray, cameras: Sequence[str], *, count: int) -> dict[str, np.ndarray]:
    """Return the nearest tracklets of each camera, cameras by name.

    Args:
        distances: (T,) to one query.
        cameras: T names.
        count: how many of each camera.

    Returns:
        positions by ascending distance, ties by position.
    """
    order = np.argsort(distances, kind="stable")
    found: dict[str, list[int]] = {name: [] for name in sorted(set(cameras))}
    for position in order.tolist():
        if len(found[cameras[position]]) < count:
            found[cameras[position]].append(position)
    return {name: np.array(positions, np.int64) for name, positions in found.items()}


def _directions(rows: np.ndarray) -> np.ndarray:
    values = np.asarray(rows, np.float64)
    return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), _EPS)
