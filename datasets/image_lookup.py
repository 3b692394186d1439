"""Find the images that an annotation file names, wherever below a folder they lie."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from datasets.box_rows import ParsedFrames
from datasets.listing import list_images
from pipeline.errors import DataError

MAX_MISSING = 0.2


def stem_of(path: str) -> str:
    """Return a path's last part without its suffix."""
    name = path.rpartition("/")[2]
    return name.rpartition(".")[0] or name


def images_by(root: Path, key: Callable[[str], str | None]) -> dict[str, str]:
    """Return the image of each key; of several images with one key the first in sorted order.

    Args:
        root: the folder; its sub-folders are searched too.
        key: of a '/'-separated path; None leaves the image out.

    Raises:
        DataError: there is no image.
    """
    found: dict[str, str] = {}
    for name in list_images(root).names:
        label = key(name)
        if label is not None:
            found.setdefault(label, name)
    return found


def place_frames(parsed: ParsedFrames, images: Mapping[str, str], *, origin: str) -> ParsedFrames:
    """Replace the name of each frame by its image's path; frames without an image are left out with a count.

    Args:
        parsed: frames whose paths are keys of `images`.
        images: path of each key.
        origin: the annotation file, for the message.

    Raises:
        DataError: more than a fifth of the images are missing.
    """
    missing = [frame.path for frame in parsed.frames if frame.path not in images]
    if len(missing) > MAX_MISSING * len(parsed.frames):
        raise DataError(
            f"{len(missing)} of {len(parsed.frames)} images of {origin} are missing, such as {missing[0]!r}",
            f"at most {MAX_MISSING:.0%} missing ones",
            "Images and annotations may not belong together, or an archive was not unpacked completely.",
        )
    frames = tuple(replace(f, path=images[f.path]) for f in parsed.frames if f.path in images)
    return ParsedFrames(frames, Counter(parsed.skipped) + Counter({"annotated frame without an image": len(missing)}))


def first_folder(root: Path, names: Sequence[str]) -> str:
    """Return the first of the sub-folders that exists, '' where none does.

    Args:
        root: the folder.
        names: of sub-folders, relative to it.
    """
    return next((name for name in names if (root / name).is_dir()), "")


def first_file(root: Path, names: Sequence[str], *, expected: str) -> Path:
    """Return the first of the files that exists.

    Args:
        root: the folder.
        names: of files, relative to it.
        expected: what it should be, for the message.

    Raises:
        DataError: none of them exists.
    """
    for name in names:
        if (root / name).is_file():
            return root / name
    raise DataError(f"{str(root)!r} has no {' or '.join(names)}", expected)
