"""Whether an adaptation uses what a tracker knows of the target's crops."""

import logging

import numpy as np

from datasets.labels import capture_seconds, has_one_clock, tracklet_indices
from datasets.records import ReIDData
from pipeline.clustering.tracklets import Tracklets
from pipeline.errors import DataError
from pipeline.training.clustering_settings import TrackletUse

logger = logging.getLogger(__name__)


def used_tracklets(data: ReIDData, use: TrackletUse) -> Tracklets | None:
    """Return the tracklets of the target's crops as far as they are used.

    Args:
        data: the crops.
        use: as in `ClusteringSettings`.

    Returns:
        The tracklets, or None where they are not used.

    Raises:
        DataError: tracklets, or times, are asked for and there are none.
    """
    ids, seconds = tracklet_indices(data), capture_seconds(data)
    has_times = bool(np.isfinite(seconds).all())
    if use == "off" or (use == "auto" and not (has_times and (ids >= 0).any())):
        return None
    if not (ids >= 0).any():
        raise DataError(
            f"clustering.tracklets is {use}, and no crop of {data.name} has a tracklet", "crops that a tracker cut",
            "Read them with kind: tracklets, or set clustering.tracklets to auto.",
        )  # fmt: skip
    if use == "link_and_part" and not has_times:
        raise DataError(
            f"clustering.tracklets is {use}, and {int(np.isnan(seconds).sum())} crops of {data.name} have no time",
            "the second at which each crop was filmed",
            "Set clustering.tracklets to link.",
        )
    logger.info("%s: %d crops of %d tracklets", data.name, int((ids >= 0).sum()), int(ids.max()) + 1)
    return Tracklets(ids, seconds, keep_apart=use != "link", has_clock=has_one_clock(data))
