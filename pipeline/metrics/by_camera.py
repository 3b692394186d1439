"""Retrieval numbers for the queries of each camera: an average over all of them hides the one that fails."""

from collections.abc import Sequence

import numpy as np

from pipeline.errors import DataError
from pipeline.metrics.ranking_result import RankingResult

UNKNOWN = "unknown"


def scores_by_camera(
    result: RankingResult, cameras: np.ndarray, *, names: Sequence[str]
) -> dict[str, dict[str, float | int]]:
    """Return mAP, rank-1 and the number of ranked queries for each camera that a query comes from.

    The mean of the cameras' mAP, each weighted by its queries, is the mAP of all.

    Args:
        result: of all queries.
        cameras: (Q,) integer camera of each query; -1 = unknown.
        names: of the cameras, by these integers.

    Returns:
        by camera name, in the order of `names`: `mAP` and `rank1` in [0, 1], `queries`; a camera without a ranked query
        is left out, queries without a camera stand last as 'unknown'.

    Raises:
        DataError: there is not one camera a query.
    """
    cameras = np.asarray(cameras)
    if cameras.shape != result.valid.shape:
        raise DataError(f"{len(cameras)} cameras for {len(result.valid)} queries", "one a query")
    found: dict[str, dict[str, float | int]] = {}
    for number in [*range(len(names)), -1]:
        mine = (cameras == number) & result.valid
        if mine.any():
            found[UNKNOWN if number < 0 else names[number]] = {
                "mAP": float(result.ap[mine].mean()), "rank1": float((result.first_rank[mine] == 1).mean()),
                "queries": int(mine.sum()),
            }  # fmt: skip
    return found
