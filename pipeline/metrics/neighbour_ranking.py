"""CMC, mAP and mINP from top-k neighbour lists, as an approximate index returns them."""

from collections.abc import Sequence

import numpy as np

from pipeline.errors import DataError
from pipeline.metrics.average_precision import check_ap_form
from pipeline.metrics.positives import GalleryGroups, check_integers
from pipeline.metrics.ranking_result import RankingResult, check_top_k, result_from_ranks


def rank_from_neighbours(
    neighbours: np.ndarray,
    query_ids: np.ndarray,
    query_cameras: np.ndarray,
    gallery_ids: np.ndarray,
    gallery_cameras: np.ndarray,
    *,
    ap: str = "step",
    cameras: str = "discard_same",
    top_k: Sequence[int] = (1, 5, 10),
) -> RankingResult:
    """Rank only the rows of each query's list; a positive outside the list counts as never found.

    Such a positive adds precision 0 to the AP, still counts among the positives, and makes the query's INP 0. Junk in
    the list takes no rank, so fewer than k rows may be ranked.

    Args:
        neighbours: (Q, k) gallery positions, nearest first; -1 = no further result.
        query_ids: (Q,) integers; negative = unknown.
        query_cameras: (Q,) integers; -1 = unknown.
        gallery_ids: (G,) integers; negative = junk.
        gallery_cameras: (G,) integers; -1 = unknown.
        ap: 'step' or 'trapezoid'.
        cameras: 'discard_same' or 'unknown', as in `rank_queries`.
        top_k: the k of the CMC.

    Returns:
        The same record as the exact ranking; its semantics name the length of the lists and the share of positives in
        them, and there is no tie spread.

    Raises:
        DataError: for columns that do not fit together, unknown names, positions outside the gallery, or when no query
            has a positive.
    """
    check_ap_form(ap)
    check_top_k(top_k)
    lists = np.asarray(neighbours)
    if lists.ndim != 2 or lists.dtype.kind not in "iu":
        raise DataError(f"neighbour lists of shape {lists.shape} and type {lists.dtype}", "(Q, k) integers")
    if lists.size and not -1 <= lists.min() <= lists.max() < len(gallery_ids):
        raise DataError(f"neighbour {lists.max()} for a gallery of {len(gallery_ids)} rows", "positions in the gallery")
    query_ids = check_integers(query_ids, "query ids", len(lists))
    query_cameras = check_integers(query_cameras, "query cameras", len(lists))
    gallery_ids = check_integers(gallery_ids, "gallery ids", len(gallery_ids))
    gallery_cameras = check_integers(gallery_cameras, "gallery cameras", len(gallery_ids))
    groups = GalleryGroups(
        query_ids, query_cameras, gallery_ids=gallery_ids, gallery_cameras=gallery_cameras, cameras=cameras
    )
    groups.require_positives()
    ids = np.where(lists >= 0, gallery_ids[lists], -1)
    same_person = (ids == query_ids[:, None]) & (ids >= 0)
    junk = np.zeros_like(same_person)
    if cameras == "discard_same":
        same_camera = (gallery_cameras[lists] == query_cameras[:, None]) & (query_cameras[:, None] >= 0)
        junk = same_person & same_camera
    rank = np.cumsum((ids >= 0) & ~junk, axis=1)
    is_hit = same_person & ~junk
    ranks = _padded_with_infinity(rank[is_hit], is_hit.sum(axis=1), groups.num_positives)
    share = float(is_hit.sum() / groups.num_positives.sum())
    semantics = {
        "ties": "the order of the neighbour lists is taken as it is",
        "metric": f"lists of {lists.shape[1]}; positives outside count as not found, {share:.4f} of them are inside",
    }
    return result_from_ranks(ranks, groups, ap=ap, top_k=top_k, semantics=semantics)


def _padded_with_infinity(ranks: np.ndarray, found: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Spread the found ranks, query after query, over the wanted number of entries; the rest is infinite."""
    padded = np.full(int(wanted.sum()), np.inf)
    starts = np.cumsum(wanted) - wanted
    offsets = np.arange(len(ranks)) - np.repeat(np.cumsum(found) - found, found)
    padded[np.repeat(starts, found) + offsets] = ranks
    return padded
