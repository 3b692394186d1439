"""Draws a few hundred embeddings as points in a plane (PCA, then t-SNE), the same picture for the same seed."""

import numpy as np
from sklearn.manifold import TSNE

MAX_COMPONENTS = 32
# Below this number t-SNE has no neighbourhoods to preserve and the two principal components are the picture.
MIN_FOR_TSNE = 8


def project(features: np.ndarray, seed: int) -> np.ndarray:
    """Project embeddings onto a plane so that near ones stay near.

    Rows are scaled to unit length first, because retrieval compares directions. The plane's axes have no unit;
    distances between far groups mean nothing, only who is whose neighbour does.

    Args:
        features: (N, D) float, N up to about 600 (time grows faster than N).
        seed: of t-SNE's random choices.

    Returns:
        (N, 2) float32, centred, the largest coordinate 1 in magnitude (all zero where the rows do not differ).

    Reference:
        van der Maaten and Hinton, "Visualizing Data using t-SNE", JMLR 9 (2008). Started from the principal components
        instead of noise (Kobak and Berens, 2019).
    """
    assert features.ndim == 2, f"features must be (N, D), got {features.shape}"
    assert np.isfinite(features).all(), "features hold values that are not finite"
    table = np.asarray(features, dtype=np.float64)
    table = table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-12)
    reduced = principal_components(table, count=MAX_COMPONENTS)
    plane = np.zeros((len(table), 2))
    if len(table) and np.abs(reduced).max(initial=0.0) > 1e-9:
        width = min(2, reduced.shape[1])
        plane[:, :width] = reduced[:, :width]
        if len(table) >= MIN_FOR_TSNE and reduced.shape[1] >= 2:
            plane = _tsne(reduced, seed)
    plane = plane - plane.mean(axis=0, keepdims=True) if len(plane) else plane
    return (plane / max(np.abs(plane).max(initial=0.0), 1e-12)).astype(np.float32)


def principal_components(table: np.ndarray, *, count: int) -> np.ndarray:
    """Return the coordinates of the rows along the directions of greatest variance.

    Args:
        table: (N, D) float64.
        count: greatest number of directions.

    Returns:
        (N, min(count, N, D)) float64; each direction's sign makes its entry of largest magnitude positive.
    """
    if not len(table):
        return np.zeros((0, min(count, table.shape[1])))
    left, scale, right = np.linalg.svd(table - table.mean(axis=0), full_matrices=False)
    count = min(count, len(scale))
    # SVD leaves the signs open, and libraries differ in them.
    strongest = np.abs(right[:count]).argmax(axis=1)
    signs = np.where(right[np.arange(count), strongest] < 0, -1.0, 1.0)
    return left[:, :count] * scale[:count] * signs


def _tsne(reduced: np.ndarray, seed: int) -> np.ndarray:
    start = reduced[:, :2] / max(reduced[:, 0].std(), 1e-12) * 1e-4
    perplexity = min(30.0, (len(reduced) - 1) / 3)
    model = TSNE(2, perplexity=perplexity, init=start, random_state=seed, max_iter=500, learning_rate="auto")
    return np.asarray(model.fit_transform(reduced), dtype=np.float64)
