"""Crops of a listing gathered into tracklets."""

from collections.abc import Sequence
from dataclasses import dataclass

from datasets.records import ReIDData, ReIDSample
from pipeline.errors import DataError


@dataclass(frozen=True)
class Tracklet:
    """Crops of one person before one camera, in the order of time.

    Args:
        name: of the tracklet, unlike that of any other of the listing.
        person_id: who it is, or None where nobody knows.
        camera_id: the camera, or None where unknown.
        positions: of the crops in the listing.
    """

    name: str
    person_id: int | None
    camera_id: str | None
    positions: tuple[int, ...]


def tracklets_of(data: ReIDData) -> tuple[Tracklet, ...]:
    """Gather the crops of a listing by camera and tracklet, sorted by both, crops by time.

    Args:
        data: crops with tracklets.

    Raises:
        DataError: there is no crop, a crop belongs to no tracklet, or a tracklet shows several people.
    """
    groups: dict[tuple[str, str], list[int]] = {}
    for position, sample in enumerate(data.samples):
        if sample.tracklet_id is None:
            raise DataError(
                f"{data.name} has crops that belong to no tracklet, such as {sample.path}", "tracklets",
                "Use a kind with tracklets: tracklets, mars, world_tracklets, or table with a column tracklet.",
            )  # fmt: skip
        groups.setdefault((sample.camera_id or "", sample.tracklet_id), []).append(position)
    if not groups:
        raise DataError(f"{data.name} has no crop", "at least one tracklet")
    return tuple(_tracklet(data.samples, positions) for _, positions in sorted(groups.items()))


def _tracklet(samples: Sequence[ReIDSample], positions: list[int]) -> Tracklet:
    ordered = sorted(positions, key=lambda i: (samples[i].frame is None, samples[i].frame or 0, samples[i].path))
    first = samples[ordered[0]]
    persons = {samples[i].person_id for i in ordered}
    if len(persons) > 1:
        raise DataError(
            f"tracklet {first.tracklet_id} of camera {first.camera_id or 'unknown'} shows {len(persons)} people",
            "one person in each", "Give the two people tracklets of their own.",
        )  # fmt: skip
    name = f"{first.camera_id or 'unknown'}/{first.tracklet_id}"
    return Tracklet(name, first.person_id, first.camera_id, tuple(ordered))
