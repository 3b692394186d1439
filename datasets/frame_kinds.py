"""The kinds of detection data that a configuration can name."""

from collections.abc import Callable, Sequence
from typing import Literal

from datasets.caltech import read_caltech
from datasets.citypersons import read_citypersons
from datasets.coco import read_coco
from datasets.crowdhuman import read_crowdhuman
from datasets.frame_folder import read_frame_folder
from datasets.frame_records import FrameData
from datasets.mot import read_mot
from datasets.penn_fudan import read_penn_fudan
from datasets.wider_person import read_wider_person
from datasets.world.frames.reader import read_world_frames


def world_frames(
    *,
    domain: str,
    seed: int = 0,
    split: Literal["train", "test"] = "train",
    cameras: int = 4,
    frames: int = 60,
    size: tuple[int, int] = (192, 320),
) -> FrameData:
    """Read street frames of the procedural cameras.

    Args:
        domain: a named domain or 'random-N'.
        seed: of the people and cameras.
        split: 'train', or 'test' for other people before the same cameras.
        cameras: number of cameras.
        frames: frames a camera.
        size: height and width of a frame in pixels.
    """
    return read_world_frames(domain, seed, split=split, cameras=cameras, frames=frames, size=(size[0], size[1]))


def coco(
    *, root: str, annotations: str = "annotations.json", images: str = "", category: str | int = "person"
) -> FrameData:
    """Read COCO json.

    Args:
        root: the folder.
        annotations: the json file, relative to it.
        images: sub-folder in which the file names start.
        category: name or id of the category that counts.
    """
    return read_coco(root, annotations, images, category)


def citypersons(*, root: str, split: Literal["train", "val"] = "train") -> FrameData:
    """Read CityPersons, .mat or json."""
    return read_citypersons(root, split)


def crowdhuman(
    *, root: str, split: Literal["train", "val"] = "train", clip: Literal["keep", "frame"] = "keep"
) -> FrameData:
    """Read CrowdHuman.

    Args:
        root: the folder.
        split: 'train' or 'val'.
        clip: 'keep' leaves boxes that exceed the frame, 'frame' cuts them.
    """
    return read_crowdhuman(root, split, clip)


def caltech(*, root: str, sets: Sequence[str | int] | None = None, annotations: str = "annotations") -> FrameData:
    """Read the Caltech pedestrians, .vbb or text.

    Args:
        root: the folder.
        sets: such as ['06', '07']; null takes all.
        annotations: sub-folder of the annotations.
    """
    return read_caltech(root, sets, annotations)


def mot(*, root: str, sequences: Sequence[str] | None = None) -> FrameData:
    """Read MOTChallenge sequences.

    Args:
        root: folder with the sequences, or with train/ that holds them.
        sequences: names of folders; null takes all.
    """
    return read_mot(root, sequences)


def wider_person(*, root: str, split: Literal["train", "val", "test"] = "train") -> FrameData:
    """Read WiderPerson."""
    return read_wider_person(root, split)


def penn_fudan(*, root: str) -> FrameData:
    """Read Penn-Fudan."""
    return read_penn_fudan(root)


def frame_folder(*, root: str, camera: str = "auto") -> FrameData:
    """Read any tree of frames without labels.

    Args:
        root: the folder.
        camera: where the camera is written: 'auto', 'names', 'folder', 'unknown' or a regular expression.
    """
    return read_frame_folder(root, camera)


FRAME_KINDS: dict[str, Callable[..., FrameData]] = {
    "caltech": caltech,
    "citypersons": citypersons,
    "coco": coco,
    "crowdhuman": crowdhuman,
    "frame_folder": frame_folder,
    "mot": mot,
    "penn_fudan": penn_fudan,
    "wider_person": wider_person,
    "world_frames": world_frames,
}
