"""The record of one crop, and the containers that readers return."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np


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
    """

    path: str
    person_id: int | None
    camera_id: str | None
    domain: str
    frame: int | None = None
    tracklet_id: str | None = None


@dataclass(frozen=True)
class ReIDData:
    """A sorted list of crops and the way to read one.

    Args:
        name: the data set's name, shown in messages.
        samples: the records in sorted order.
        load: returns the crop as (H, W, 3) uint8 RGB; raises DataError where it can't be read.
        digest: hexadecimal SHA-256 over the listing (names, labels, contents).
        skipped: number of images left out, by reason.
    """

    name: str
    samples: tuple[ReIDSample, ...]
    load: Callable[[ReIDSample], np.ndarray]
    digest: str
    skipped: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of crops."""
        return len(self.samples)

    @property
    def is_labelled(self) -> bool:
        """Return whether every crop has a person id."""
        return all(sample.person_id is not None for sample in self.samples)

    @property
    def cameras(self) -> tuple[str, ...]:
        """Return the sorted names of the known cameras."""
        return tuple(sorted({s.camera_id for s in self.samples if s.camera_id is not None}))

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
