"""The record of one crop, and the containers that readers return."""

import hashlib
import re
from dataclasses import dataclass, replace
from typing import Any

from datasets.image_list import ImageList


@dataclass(frozen=True)
class ReIDSample:
    """One person crop.

    Args:
        path: relative, '/'-separated name of the image inside its data set.
        person_id: non-negative identity, or None where unknown (unlabelled data).
        camera_id: normalised camera name ('1', 'lobby'), or None where unknown.
        domain: name of the data set that it came from.
        frame: frame number inside the camera's recording, or None.
        tracklet_id: identifier of the tracklet inside the camera, or None.
        seconds: when it was filmed; None where unknown.
        clock: name of the clock that `seconds` counts on; None = the same one for all crops.
    """

    path: str
    person_id: int | None
    camera_id: str | None
    domain: str
    frame: int | None = None
    tracklet_id: str | None = None
    seconds: float | None = None
    clock: str | None = None


@dataclass(frozen=True)
class ReIDData(ImageList[ReIDSample]):
    """A sorted list of crops and the way to read one."""

    @property
    def is_labelled(self) -> bool:
        """Return whether every crop has a person id."""
        return all(sample.person_id is not None for sample in self.samples)

    def facts(self, *, labels_read: bool) -> dict[str, Any]:
        """Return what a manifest says about these crops; the number of persons only where labels were read."""
        found = super().facts(labels_read=labels_read)
        return {**found, "persons": len({s.person_id for s in self.samples})} if labels_read else found

    def without_labels(self) -> "ReIDData":
        """Return the same crops with every person id removed, so that nothing downstream can read one."""
        return replace(self, samples=tuple(replace(s, person_id=None) for s in self.samples))


@dataclass(frozen=True)
class ReIDProbe:
    """Query and gallery of one evaluation protocol."""

    query: ReIDData
    gallery: ReIDData

    @property
    def digest(self) -> str:
        """Return one digest over both lists."""
        return hashlib.sha256(f"{self.query.digest}{self.gallery.digest}".encode()).hexdigest()


def normalise_camera_name(name: str) -> str:
    """Map spellings of one camera to one name: 'c1', 'cam01', 'Camera_1' and '1' are all '1'."""
    match = re.fullmatch(r"(?:c|cam|camera)?[\s_\-]*0*(\d+)", name.strip(), flags=re.IGNORECASE)
    return match.group(1) if match else name.strip().lower()
