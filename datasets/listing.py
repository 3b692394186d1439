"""Sorted recursive listings of image files, and which folders are refused before any file is opened."""

import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import DataError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
_WITHDRAWN = ("dukemtmc", "occludedduke")


@dataclass(frozen=True)
class Listing:
    """Relative '/'-separated names of all images below a folder, sorted, and the number of other files by kind."""

    names: tuple[str, ...]
    skipped: Mapping[str, int] = field(default_factory=dict)


def open_root(root: str) -> Path:
    """Return the folder that a configuration names.

    Raises:
        DataError: it is missing, is a file, or holds the withdrawn DukeMTMC data.
    """
    path = Path(root).expanduser()
    if not path.exists():
        raise DataError(f"data folder {root!r} does not exist", "a folder with images", "Check `root` in the config.")
    if not path.is_dir():
        raise DataError(f"{root!r} is a file", "a folder with images", "Unpack an archive first and name its folder.")
    if not os.access(path, os.R_OK | os.X_OK):
        raise DataError(f"data folder {root!r} may not be read", remedy="Check the folder's permissions.")
    refuse_withdrawn(path)
    return path


def refuse_withdrawn(root: Path) -> None:
    """Refuse DukeMTMC and sets derived from it, named by the folder or by a README in it.

    Raises:
        DataError: the data set was withdrawn by its authors.
    """
    if _names_withdrawn("/".join(root.absolute().parts[-2:])):
        raise _withdrawn_error(f"folder {str(root)!r} is DukeMTMC data")
    for path in sorted(root.iterdir()):
        if path.name.lower().startswith("readme") and path.is_file():
            with path.open("rb") as file:
                if _names_withdrawn(file.read(65_536).decode(errors="ignore")):
                    raise _withdrawn_error(f"{str(path)!r} names DukeMTMC")


def list_images(root: Path, *, recursive: bool = True) -> Listing:
    """List every image below a folder; hidden files and files of other types are counted, links are followed once.

    Args:
        root: the folder.
        recursive: whether sub-folders are visited.

    Raises:
        DataError: there is no image, or a sub-folder holds withdrawn data.
    """
    names: list[str] = []
    skipped: Counter[str] = Counter()
    seen: set[str] = set()
    denied: list[OSError] = []
    for folder, folders, files in os.walk(root, followlinks=True, onerror=denied.append):
        real = os.path.realpath(folder)
        folders[:] = sorted(f for f in folders if recursive and not f.startswith((".", "__MACOSX")))
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        if any(_names_withdrawn(f) for f in folders):
            raise _withdrawn_error(f"folder {folder!r} holds DukeMTMC data")
        below = Path(folder).relative_to(root).as_posix()
        prefix = "" if below == "." else f"{below}/"
        for file in files:
            kind = _file_kind(file)
            if kind == "image":
                names.append(f"{prefix}{file}")
            else:
                skipped[kind] += 1
    if denied:
        skipped["folder that may not be read"] = len(denied)
    if not names:
        others = ", ".join(f"{count} x {kind}" for kind, count in sorted(skipped.items())) or "no files at all"
        raise DataError(f"folder {str(root)!r} holds no image ({others})", f"files named *{', *'.join(IMAGE_SUFFIXES)}")
    return Listing(tuple(sorted(names)), dict(sorted(skipped.items())))


def find_layout(root: Path, markers: tuple[str, ...]) -> Path:
    """Return the root or its only direct sub-folder that holds one of the marker folders; else the root itself.

    Raises:
        DataError: several sub-folders hold one.
    """
    if any((root / marker).is_dir() for marker in markers):
        return root
    children = [p for p in sorted(root.iterdir()) if p.is_dir() and any((p / m).is_dir() for m in markers)]
    if len(children) > 1:
        found = ", ".join(p.name for p in children)
        raise DataError(f"{str(root)!r} holds several data sets ({found})", "one", "Point `root` at the one you mean.")
    if children:
        refuse_withdrawn(children[0])
        return children[0]
    return root


def _file_kind(file: str) -> str:
    if file.startswith("."):
        return "hidden file"
    return "image" if file.lower().endswith(IMAGE_SUFFIXES) else "file of another type"


def _names_withdrawn(text: str) -> bool:
    plain = re.sub(r"[\s_\-]", "", text.lower())
    return any(name in plain for name in _WITHDRAWN)


def _withdrawn_error(found: str) -> DataError:
    return DataError(
        f"{found}, which its authors withdrew in 2019 and which is not supported",
        remedy="Use another data set, such as Market-1501, MSMT17, CUHK03-NP or the synthetic RandPerson.",
    )
