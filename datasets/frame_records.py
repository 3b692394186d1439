"""The record of one street frame, and the container that detection readers return."""

from dataclasses import dataclass, replace
from typing import Any

from datasets.image_list import ImageList
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
class FrameData(ImageList[FrameSample]):
    """A sorted list of frames and the way to read one."""

    @property
    def is_labelled(self) -> bool:
        """Return whether somebody annotated every frame."""
        return all(sample.annotations is not None for sample in self.samples)

    @property
    def num_boxes(self) -> int:
        """Return the number of annotated people, ignore regions left out."""
        return sum(int((~s.annotations.ignore).sum()) for s in self.samples if s.annotations is not None)

    def facts(self, *, labels_read: bool) -> dict[str, Any]:
        """Return what a manifest says about these frames; the number of people only where boxes were read."""
        found = super().facts(labels_read=labels_read)
        return {**found, "boxes": self.num_boxes} if labels_read else found

    def without_labels(self) -> "FrameData":
        """Return the same frames with every annotation removed, so that nothing downstream can read one."""
        return replace(self, samples=tuple(replace(s, annotations=None) for s in self.samples))
