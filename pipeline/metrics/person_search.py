"""Person search: people are looked for among boxes that a detector found; whom it missed cannot be ranked.

Nothing here knows frames or embeddings: a scene is a frame, or a time in which somebody passes a camera.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SearchQuery:
    """One person looked for.

    Args:
        distances: (G,) to every box of the gallery, small = close.
        is_match: (G,) bool, whether the box covers the person: IoU of at least .5 with where the person is.
        scenes: (G,) int64, the scene of each box.
        num_scenes: scenes of the gallery in which the person is, found or not; at least 1.
    """

    distances: np.ndarray
    is_match: np.ndarray
    scenes: np.ndarray
    num_scenes: int

    def __post_init__(self) -> None:
        """Check the lengths, and that no more scenes match than there are."""
        lengths = {len(self.distances), len(self.is_match), len(self.scenes)}
        assert len(lengths) == 1, f"columns differ in length: {sorted(lengths)}"
        found = len(np.unique(self.scenes[self.is_match]))
        assert self.num_scenes >= 1, f"{self.num_scenes} scenes show the person"
        assert found <= self.num_scenes, f"found in {found} scenes of {self.num_scenes}"


@dataclass(frozen=True)
class SearchScore:
    """How well people were found.

    Args:
        mAP: mean over the queries of the AP over detected boxes times the detection's recall.
        top1: share of queries whose nearest box is right.
        recall: mean over the queries of the share of their scenes in which the detector found them.
        ranking_map: mean AP over detected boxes alone, over the queries found at least once; 0 where there are none.
        ap: (Q,) AP times recall of each query.
        num_queries: Q.
    """

    mAP: float  # noqa: N815 (the field's name for it)
    top1: float
    recall: float
    ranking_map: float
    ap: np.ndarray
    num_queries: int


def search_hits(query: SearchQuery) -> np.ndarray:
    """Return (G,) bool by ascending distance, ties in the gallery's order: the first right box of each scene is a hit.

    Another box of the same person in the same scene is wrong, as a second detection of somebody is in detection.

    Args:
        query: one person looked for.
    """
    order = np.argsort(query.distances, kind="stable")
    is_match, scenes = query.is_match[order], query.scenes[order]
    places = np.flatnonzero(is_match)
    _, first = np.unique(scenes[places], return_index=True)
    hits = np.zeros(len(order), bool)
    hits[places[first]] = True
    return hits


def search_ap(query: SearchQuery) -> tuple[float, float]:
    """Return the AP over detected boxes, and the recall of the detection.

        AP = (1 / H) sum over hits h of (hits up to h) / (rank of h);  recall = H / num_scenes

    Their product is what person search reports: the sum over num_scenes instead of H.

    Args:
        query: one person looked for.

    Returns:
        both in 0..1; 0 and 0 for somebody who was never found.

    Reference:
        Xiao et al., Joint Detection and Identification Feature Learning for Person Search, CVPR 2017 (CUHK-SYSU), and
        Zheng et al., Person Re-identification in the Wild, CVPR 2017 (PRW). A re-implementation of the former's
        evaluation; ours differs: every box needs an IoU of .5, where theirs asks less of small ones, equal distances
        keep the gallery's order, and the gallery is all scenes instead of a drawn hundred.
    """
    ranks = np.flatnonzero(search_hits(query)) + 1
    if not len(ranks):
        return 0.0, 0.0
    return float((np.arange(1, len(ranks) + 1) / ranks).mean()), len(ranks) / query.num_scenes


def person_search_score(queries: Sequence[SearchQuery]) -> SearchScore:
    """Return the means over queries.

    Args:
        queries: at least 1.
    """
    assert queries, "no query"
    pairs = np.array([search_ap(query) for query in queries])
    top1 = [len(query.distances) > 0 and bool(search_hits(query)[0]) for query in queries]
    found = pairs[pairs[:, 1] > 0, 0]
    ap = pairs.prod(axis=1)
    return SearchScore(
        mAP=float(ap.mean()),
        top1=float(np.mean(top1)),
        recall=float(pairs[:, 1].mean()),
        ranking_map=float(found.mean()) if len(found) else 0.0,
        ap=ap,
        num_queries=len(queries),
    )
