"""Labelled data of the new cameras, which nothing but the measuring and the ceilings may read."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import ManifestError
from pipeline.new_cameras.models_run import Tree


@dataclass(frozen=True)
class Truth:
    """Labelled data of the new cameras, by which the result is measured; entries of the data section, or None.

    Args:
        probe_crops: query and gallery.
        ceiling_crops: crops to train the supervised student on.
        probe_frames: frames with boxes.
        ceiling_frames: frames to train the supervised detector on.
    """

    probe_crops: Tree | None = None
    ceiling_crops: Tree | None = None
    probe_frames: Tree | None = None
    ceiling_frames: Tree | None = None


def labelled_frames(folder: Path, split: str) -> Tree:
    """Return the entry for frames with boxes in COCO json.

    Args:
        folder: with annotations/SPLIT.json and the frames in SPLIT, or with annotations.json.
        split: such as 'test'.

    Raises:
        ManifestError: there is neither file.
    """
    for annotations, images in ((f"annotations/{split}.json", split), ("annotations.json", "")):
        if (folder / annotations).is_file():
            return {"kind": "coco", "root": str(folder.absolute()), "annotations": annotations, "images": images}
    raise ManifestError(f"{folder} has neither annotations/{split}.json nor annotations.json", "frames with COCO json")
