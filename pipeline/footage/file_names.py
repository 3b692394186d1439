"""Which files of a folder are recordings, in the order in which people number them, and whose camera a name tells."""

import itertools
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from pipeline.errors import DataError

VIDEO_SUFFIXES = (
    ".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".wmv", ".flv", ".3gp",
    ".264", ".h264", ".265", ".h265", ".hevc",
)  # fmt: skip
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
# Where MOTChallenge keeps the images of a sequence; the folder above it has the sequence's name.
_IMAGES_OF_SEQUENCE = "img1"


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Return a sort key under which 'part 2' comes before 'part 10'."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]


def is_image(name: str) -> bool:
    """Return whether a file is called like an image."""
    return not name.startswith(".") and name.lower().endswith(IMAGE_SUFFIXES)


def find_recordings(root: Path, below: str = ".") -> list[str]:
    """List videos, and folders of images that hold no video, in natural order.

    Args:
        root: the folder that names are relative to.
        below: sub-folder to look through.

    Raises:
        DataError: a folder may not be read.
    """
    found: list[str] = []
    seen: set[str] = set()
    denied: list[OSError] = []
    for folder, folders, files in os.walk(root / below, followlinks=True, onerror=denied.append):
        real = os.path.realpath(folder)
        folders[:] = [name for name in folders if not name.startswith((".", "__MACOSX"))]
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        here = Path(folder).relative_to(root)
        videos = [name for name in files if name.lower().endswith(VIDEO_SUFFIXES) and not name.startswith(".")]
        found += [(here / name).as_posix() for name in videos]
        # Beside videos lie thumbnails.
        if not videos and any(is_image(name) for name in files):
            found.append(here.as_posix())
    if denied:
        raise DataError(f"folder {denied[0].filename!r} may not be read", remedy="Check the folder's permissions.")
    return sorted(found, key=natural_key)


def cameras_of_names(names: Sequence[str], *, folders: Sequence[str], root: str) -> Mapping[str, str]:
    """Return the camera of each recording as the folders tell it.

    A video that lies in no sub-folder is a camera of its own; others belong to the camera that the first sub-folder
    below the one shared by all is called like.

    Args:
        names: relative names of the recordings.
        folders: those of them that are folders of images.
        root: name of the folder that holds them all.
    """
    places = {name: _folders_of(name, is_folder=name in set(folders)) for name in names}
    nested = [place for place in places.values() if place]
    levels = itertools.takewhile(lambda level: len(set(level)) == 1, zip(*nested, strict=False))
    # Each keeps one folder at least: that of an only camera is shared by all of its recordings.
    shared = min([sum(1 for _ in levels), *(len(place) - 1 for place in nested)])
    alone = {name: root if name in set(folders) else PurePosixPath(name).stem for name in names}
    return {name: place[shared] if place else alone[name] for name, place in places.items()}


def _folders_of(name: str, *, is_folder: bool) -> tuple[str, ...]:
    parts = PurePosixPath(name).parts if is_folder else PurePosixPath(name).parent.parts
    return parts[:-1] if is_folder and parts and parts[-1] == _IMAGES_OF_SEQUENCE else parts
