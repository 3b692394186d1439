"""The record of one street frame, and the container that detection readers return."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pipeline.detection_types import FrameBoxes


@dataclass(frozen=True)
class FrameSample:
    """One frame.

    Args:
        path: relative, '/'-separated name of the image inside its data set.
        size: height and width in pixels.
        camera_id: normalised camera name, or None where unknown.
        domain: name of the data set that it came from.
        frame: frame number inside the camera's recording, or None.
        annotations: boxes, possibly none of them; None = nobody looked (unlabelled data).
    """

    path: str
    size: tuple[int, int]
    camera_id: str | None
    domain: str
    frame: int | None = None
    annotations: FrameBoxes | None = None


@dataclass(frozen=True)
class FrameData:
    """A sorted list of frames and the way to read one.

    Args:
        name: the data set's name, shown in messages.
        samples: the records in sorted order.
        load: returns the frame as (H, W, 3) uint8 RGB; raises DataError where it can't be read.
        digest: hexadecimal SHA-256 over the listing (names, boxes, contents).
        skipped: number of frames and boxes left out, by reason.
    """

    name: str
    samples: tuple[FrameSample, ...]
    load: Callable[[FrameSample], np.ndarray]
    digest: str
    skipped: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.samples)

    @property
    def is_labelled(self) -> bool:
        """Return whether somebody annotated every frame."""
        return all(sample.annotations is not None for sample in self.samples)

    @property
    def cameras(self) -> tuple[str, ...]:
        """Return the sorted names of the known cameras."""
        return tuple(sorted({s.camera_id for s in self.samples if s.camera_id is not None}))

    @property
    def num_boxes(self) -> int:
        """Return the number of annotated people, ignore regions left out."""
        return sum(int((~s.annotations.ignore).sum()) for s in self.samples if s.annotations is not None)

    def facts(self, *, labels_read: bool) -> dict[str, Any]:
        """Return what a manifest says about this data.

        Args:
            labels_read: whether the reader of the frames also read their boxes.
        """
        found: dict[str, Any] = {
            "digest": self.digest, "labels_read": labels_read, "images": len(self), "cameras": len(self.cameras),
            "skipped": dict(self.skipped),
        }  # fmt: skip
        return {**found, "boxes": self.num_boxes} if labels_read else found

    def without_labels(self) -> "FrameData":
        """Return the same frames with every annotation removed, so that nothing downstream can read one."""
        return replace(self, samples=tuple(replace(s, annotations=None) for s in self.samples))
