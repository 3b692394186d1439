"""What readers return: a sorted list of records and the way to read the image of one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import numpy as np


class Record(Protocol):
    """What crops and frames have in common."""

    @property
    def path(self) -> str:
        """The relative, '/'-separated name of the image inside its data set."""

    @property
    def camera_id(self) -> str | None:
        """The normalised camera name, or None where unknown."""


Sample = TypeVar("Sample", bound=Record)


@dataclass(frozen=True)
class ImageList(Generic[Sample]):
    """A sorted list of records and the way to read one's image.

    Args:
        name: the data set's name, shown in messages.
        samples: the records in sorted order.
        load: returns the image as (H, W, 3) uint8 RGB; raises DataError where it can't be read.
        digest: hexadecimal SHA-256 over the listing (names, labels, contents).
        skipped: number of images left out (and of boxes, where there are boxes), by reason.
    """

    name: str
    samples: tuple[Sample, ...]
    load: Callable[[Sample], np.ndarray]
    digest: str
    skipped: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.samples)

    @property
    def cameras(self) -> tuple[str, ...]:
        """Return the sorted names of the known cameras."""
        return tuple(sorted({s.camera_id for s in self.samples if s.camera_id is not None}))

    def facts(self, *, labels_read: bool) -> dict[str, Any]:
        """Return what a manifest says about this data.

        Args:
            labels_read: whether the reader of the images also read their labels.
        """
        return {
            "digest": self.digest, "labels_read": labels_read, "images": len(self), "cameras": len(self.cameras),
            "skipped": dict(self.skipped),
        }  # fmt: skip
