"""How good clusters are: agreement with another labelling, and measures that need no labels."""

import numpy as np
from scipy import sparse

from pipeline.errors import DataError


def _with_singletons(labels: np.ndarray) -> np.ndarray:
    """Give every outlier (-1) a cluster of its own."""
    result = np.asarray(labels, dtype=np.int64).copy()
    outliers = result < 0
    result[outliers] = result.max(initial=-1) + 1 + np.arange(int(outliers.sum()))
    return result


def agreement(labels: np.ndarray, others: np.ndarray) -> dict[str, float]:
    """Compare two labellings of the same images; outliers count as clusters of one.

    Args:
        labels: (N,) integers, the clusters to judge; -1 = outlier.
        others: (N,) integers, the clusters to compare with.

    Returns:
        adjusted_rand and normalised_mutual_information; pair_precision: share of the pairs together in `labels` that
        are together in `others` (1 where there is none); pair_recall: the reverse.

    Raises:
        DataError: when the lengths differ or are zero.
    """
    # scikit-learn's metrics take half a second to import, and ranking does not need them.
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    if np.shape(labels) != np.shape(others) or np.size(labels) == 0:
        raise DataError(f"labellings of shapes {np.shape(labels)} and {np.shape(others)}", "one length above 0")
    first, second = _with_singletons(labels), _with_singletons(others)
    _, both = np.unique(first * (second.max() + 1) + second, return_counts=True)
    together, in_first, in_second = (
        float((n * (n - 1)).sum()) for n in (both, np.bincount(first), np.bincount(second))
    )
    return {
        "adjusted_rand": float(adjusted_rand_score(second, first)),
        "normalised_mutual_information": float(normalized_mutual_info_score(second, first)),
        "pair_precision": together / in_first if in_first else 1.0,
        "pair_recall": together / in_second if in_second else 1.0,
    }


def cluster_summary(labels: np.ndarray) -> dict[str, float]:
    """Return counts and sizes of a labelling.

    Args:
        labels: (N,) integers; -1 = outlier.

    Returns:
        images, clusters, outliers, smallest, median, largest (sizes; 0 without clusters) and largest_share of all
        images.
    """
    labels = np.asarray(labels, dtype=np.int64)
    sizes = np.bincount(labels[labels >= 0])
    sizes = sizes[sizes > 0]
    return {
        "images": len(labels),
        "clusters": len(sizes),
        "outliers": int((labels < 0).sum()),
        "smallest": int(sizes.min(initial=len(labels))) if len(sizes) else 0,
        "median": float(np.median(sizes)) if len(sizes) else 0.0,
        "largest": int(sizes.max(initial=0)),
        "largest_share": float(sizes.max(initial=0) / max(len(labels), 1)),
    }


def cross_camera_share(labels: np.ndarray, cameras: np.ndarray) -> float:
    """Return the share of clusters that span at least two known cameras.

    Args:
        labels: (N,) integers; -1 = outlier.
        cameras: (N,) integers; -1 = unknown, which counts for no camera.

    Returns:
        A number in [0, 1]; 0 without clusters.
    """
    labels, cameras = np.asarray(labels, dtype=np.int64), np.asarray(cameras, dtype=np.int64)
    clusters = np.unique(labels[labels >= 0])
    if len(clusters) == 0:
        return 0.0
    known = (labels >= 0) & (cameras >= 0)
    pairs = np.unique(np.stack([labels[known], cameras[known]]), axis=1)
    _, spans = np.unique(pairs[0], return_counts=True)
    return float((spans >= 2).sum() / len(clusters))


def silhouette_of_centroids(features: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean simplified silhouette over all images, by cosine distance to centroids.

    s_i = (b_i - a_i) / max(a_i, b_i): a_i to the centroid of the other images of the own cluster, b_i to the nearest
    other centroid. Outliers and images that are alone count as 0, so leaving images out does not raise the mean.

    Args:
        features: (N, D) floating point; L2-normalised here.
        labels: (N,) integers; -1 = outlier.

    Returns:
        A number in [-1, 1]; 0 with fewer than two clusters.

    Reference:
        Hruschka et al., Evolving clusters in gene-expression data, 2006 (simplified silhouette). We leave the image out
        of its own centroid: with it, small clusters look better than they are.
    """
    rows = np.asarray(features, dtype=np.float32)
    labels = np.asarray(labels, dtype=np.int64)
    if rows.ndim != 2 or labels.shape != (len(rows),):
        raise DataError(f"features of shape {rows.shape} and labels of shape {labels.shape}", "one label a row")
    inside = np.flatnonzero(labels >= 0)
    names, own = np.unique(labels[inside], return_inverse=True)
    if len(names) < 2:
        return 0.0
    rows = _unit(rows[inside])
    chooser = sparse.csr_matrix((np.ones(len(rows), np.float32), (own, np.arange(len(rows)))))
    sums = np.asarray(chooser @ rows)
    centroids, sizes = _unit(sums), np.bincount(own)
    total = 0.0
    for start in range(0, len(rows), 1024):
        block, mine = rows[start : start + 1024], own[start : start + 1024]
        distances = 1.0 - block @ centroids.T
        distances[np.arange(len(block)), mine] = np.inf
        b = np.maximum(distances.min(axis=1), 0.0)
        a = np.maximum(1.0 - np.einsum("nd,nd->n", block, _unit(sums[mine] - block)), 0.0)
        scores = (b - a) / np.maximum(np.maximum(a, b), 1e-12)
        total += float(scores[sizes[mine] > 1].sum())
    return total / len(labels)


def _unit(rows: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(norms > 0, norms, 1)
