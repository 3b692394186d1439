"""Whether two networks find the same crop first; it needs no identity."""

import numpy as np
from numpy.typing import NDArray

from pipeline.types import EmbeddingTable

_BLOCK = 1024


def nearest_rows(query: EmbeddingTable, gallery: EmbeddingTable) -> NDArray[np.int64]:
    """Return the row of the most similar gallery crop of another camera for each query; -1 where there is none.

    Args:
        query: Q embeddings of length one; crops of an unknown camera (-1) are compared with all.
        gallery: G embeddings of length one.

    Returns:
        (Q,); of equally similar crops the first.
    """
    found = np.full(len(query), -1, np.int64)
    if len(gallery) == 0:
        return found
    for first in range(0, len(query), _BLOCK):
        part = slice(first, first + _BLOCK)
        cameras = query.camera_ids[part, None]
        same = (cameras >= 0) & (cameras == gallery.camera_ids[None])
        similarity = np.where(same, -np.inf, query.features[part] @ gallery.features.T)
        found[part] = np.where(same.all(1), -1, similarity.argmax(1))
    return found


def top1_agreement(found: NDArray[np.int64], others: NDArray[np.int64]) -> float:
    """Return the share of queries for which two networks find the same crop first, among those where both find one.

    Args:
        found: (Q,) rows by one network, -1 for none.
        others: (Q,) rows by the other.

    Returns:
        In 0..1; nan where no query has a crop to find.
    """
    valid = (found >= 0) & (others >= 0)
    return float((found == others)[valid].mean()) if valid.any() else float("nan")
