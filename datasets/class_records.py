"""The record of one image of a plain classification task, and the container that its readers return."""

from dataclasses import dataclass, replace
from typing import Any

from datasets.image_list import ImageList


@dataclass(frozen=True)
class ClassSample:
    """One image.

    A record of its own and not a crop with the class in the place of the person: nobody is to look for cameras, query
    or gallery in it.

    Args:
        path: relative, '/'-separated name of the image inside its data set.
        label: position of its class in the list's `class_names`, or None where unknown.
        domain: name of the data set that it came from.
    """

    path: str
    label: int | None
    domain: str

    @property
    def camera_id(self) -> None:
        """None: an image of a class has no camera."""
        return None


@dataclass(frozen=True)
class ClassData(ImageList[ClassSample]):
    """A sorted list of images of classes and the way to read one.

    Args:
        class_names: the classes in the order of their labels; empty without labels.
    """

    class_names: tuple[str, ...] = ()

    @property
    def is_labelled(self) -> bool:
        """Return whether every image has a class."""
        return all(sample.label is not None for sample in self.samples)

    def facts(self, *, labels_read: bool) -> dict[str, Any]:
        """Return what a manifest says about these images; the number of classes only where labels were read."""
        found = super().facts(labels_read=labels_read)
        return {**found, "classes": len(self.class_names)} if labels_read else found

    def without_labels(self) -> "ClassData":
        """Return the same images with every class removed, so that nothing downstream can read one."""
        return replace(self, samples=tuple(replace(s, label=None) for s in self.samples), class_names=())
