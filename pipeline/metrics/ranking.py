"""CMC, mAP and mINP of features, block of queries by block of queries, without a query x gallery matrix."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from pipeline.errors import DataError
from pipeline.metrics.average_precision import average_precision, check_ap_form
from pipeline.metrics.positive_ranks import ranks_of_positives
from pipeline.metrics.positives import GalleryGroups, check_integers
from pipeline.metrics.ranking_result import RankingResult, check_top_k, result_from_ranks

METRICS = ("cosine", "euclidean")
TIE_RULES = {
    "stable": "equal distances keep the gallery's order, as a stable argsort does",
    "pessimistic": "negatives come before positives at an equal distance",
    "optimistic": "positives come before negatives at an equal distance",
}
BLOCK_ENTRIES = 1 << 23


def rank_queries(
    query_features: np.ndarray,
    query_ids: np.ndarray,
    query_cameras: np.ndarray,
    gallery_features: np.ndarray,
    gallery_ids: np.ndarray,
    gallery_cameras: np.ndarray,
    *,
    metric: str = "cosine",
    ap: str = "step",
    cameras: str = "discard_same",
    ties: str = "stable",
    block: int | None = None,
    top_k: Sequence[int] = (1, 5, 10),
) -> RankingResult:
    """Rank the gallery for every query and summarise where the positives stand.

    rank_j = j + the number of kept negatives ahead of the j-th positive.

    Args:
        query_features: (Q, D) floating point or integer; float64 is compared in float64, all else in float32.
        query_ids: (Q,) integers; negative = unknown, such a query is skipped.
        query_cameras: (Q,) integers; -1 = unknown.
        gallery_features: (G, D).
        gallery_ids: (G,) integers; negative = junk.
        gallery_cameras: (G,) integers; -1 = unknown.
        metric: 'cosine', for which a row of zeros is equally far from everyone, or 'euclidean'.
        ap: 'step' or 'trapezoid'.
        cameras: 'discard_same' leaves out the person's rows under the query's own camera; 'unknown' keeps all.
        ties: 'stable', 'pessimistic' or 'optimistic' order of equal distances.
        block: queries a block; by default as many as fit 32 MB of float32 distances, at most 512.
        top_k: the k of the CMC.

    Returns:
        The numbers, the values per query and the rules they follow.

    Raises:
        DataError: for features that do not fit together or are not finite, unknown names, or when no query has a
            positive.
    """
    _check_names(metric, ap, ties)
    check_top_k(top_k)
    query, gallery = _matching_features(query_features, gallery_features)
    groups = GalleryGroups(
        check_integers(query_ids, "query ids", len(query)),
        check_integers(query_cameras, "query cameras", len(query)),
        gallery_ids=check_integers(gallery_ids, "gallery ids", len(gallery)),
        gallery_cameras=check_integers(gallery_cameras, "gallery cameras", len(gallery)),
        cameras=cameras,
    )
    groups.require_positives()
    if len(groups.kept_gallery) < len(gallery):
        gallery = gallery[groups.kept_gallery]
    blocks = _distance_blocks(query, gallery, metric=metric, block=block)
    return _ranked(blocks, groups, ap=ap, ties=ties, top_k=top_k, metric=f"{metric} distance in {query.dtype}")


def rank_distances(
    blocks: Iterable[tuple[int, np.ndarray]],
    groups: GalleryGroups,
    *,
    ap: str = "step",
    ties: str = "stable",
    top_k: Sequence[int] = (1, 5, 10),
) -> RankingResult:
    """Rank by distances that somebody else computes, block of queries by block of queries.

    Args:
        blocks: pairs of the first query's position and (B, G) distances to all gallery rows; together they cover every
            query once, in order.
        groups: who is positive to whom.
        ap: as in `rank_queries`.
        ties: as in `rank_queries`.
        top_k: as in `rank_queries`.

    Returns:
        As in `rank_queries`.

    Raises:
        DataError: for unknown names, or when no query has a positive.
    """
    _check_names("cosine", ap, ties)
    check_top_k(top_k)
    groups.require_positives()
    kept = ((start, distances[:, groups.kept_gallery]) for start, distances in blocks)
    return _ranked(kept, groups, ap=ap, ties=ties, top_k=top_k, metric="distances as given")


def _ranked(
    blocks: Iterable[tuple[int, np.ndarray]],
    groups: GalleryGroups,
    *,
    ap: str,
    ties: str,
    top_k: Sequence[int],
    metric: str,
) -> RankingResult:
    ranks = ranks_of_positives(blocks, groups)
    counts = groups.num_positives[groups.num_positives > 0]
    worst, best = (
        float(average_precision(ranks[rule], counts, ap=ap).mean()) for rule in ("pessimistic", "optimistic")
    )
    semantics = {
        "ties": TIE_RULES[ties],
        "tie_spread": f"mAP is {worst:.6f} with negatives first and {best:.6f} with positives first among ties",
        "metric": metric,
    }
    return result_from_ranks(ranks[ties], groups, ap=ap, top_k=top_k, semantics=semantics, tie_spread=(worst, best))


def _check_names(metric: str, ap: str, ties: str) -> None:
    check_ap_form(ap)
    for value, known, what in ((metric, METRICS, "metric"), (ties, tuple(TIE_RULES), "tie rule")):
        if value not in known:
            raise DataError(f"a {what} called {value!r}", f"one of {', '.join(known)}")


def _matching_features(query: np.ndarray, gallery: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both feature sets in one floating-point type, checked."""
    pair = {"query": np.asarray(query), "gallery": np.asarray(gallery)}
    for name, features in pair.items():
        if features.ndim != 2 or features.dtype.kind not in "fiu":
            raise DataError(f"{name} features of shape {features.shape} and type {features.dtype}", "(N, D) numbers")
    if pair["query"].shape[1] != pair["gallery"].shape[1]:
        raise DataError(
            f"query features have {pair['query'].shape[1]} dimensions and gallery features {pair['gallery'].shape[1]}",
            "the same number",
            "Embed both with one model.",
        )
    dtype = np.float64 if np.float64 in (pair["query"].dtype, pair["gallery"].dtype) else np.float32
    for name, features in pair.items():
        pair[name] = features.astype(dtype, copy=False)
        broken = np.flatnonzero(~np.isfinite(pair[name]).all(axis=1))
        if broken.size:
            raise DataError(
                f"{name} features hold values that are not finite in {broken.size} rows, the first is row {broken[0]}",
                "finite numbers",
                "Look for the step where the model's output broke.",
            )
    return pair["query"], pair["gallery"]


def _prepare(query: np.ndarray, gallery: np.ndarray, metric: str) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return left, right, offset such that left @ right + offset orders the gallery as the metric does."""
    if metric == "euclidean":
        # |q - g|^2 / 2 without |q|^2, which is the same for the whole row.
        return -query, gallery.T, np.einsum("nd,nd->n", gallery, gallery) / 2
    norms = [np.sqrt(np.einsum("nd,nd->n", f, f))[:, None] for f in (query, gallery)]
    # A zero vector has no direction: it is left at zero, equally far from everyone.
    left, right = (f / np.where(norm > 0, norm, 1) for f, norm in zip((query, gallery), norms, strict=True))
    return -left, right.T, None


def _distance_blocks(
    query: np.ndarray, gallery: np.ndarray, *, metric: str, block: int | None
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the first query and the distances, up to a shift a row, of every block of queries; one array is reused."""
    left, right, offset = _prepare(query, gallery, metric)
    size = min(len(query), block or int(np.clip(BLOCK_ENTRIES // max(len(gallery), 1), 1, 512)))
    buffer = np.empty((size, len(gallery)), dtype=left.dtype)
    for start in range(0, len(query), size):
        part = left[start : start + size]
        distances = np.matmul(part, right, out=buffer[: len(part)])
        if offset is not None:
            distances += offset
        yield start, distances
