"""The entry of the data section that footage on a command line stands for."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.errors import DataError


def footage_entry(places: Sequence[Path], cameras: Path | None) -> dict[str, Any]:
    """Return the entry; paths in it are absolute, so that the run can be continued from anywhere.

    Args:
        places: a folder, or any number of files and folders.
        cameras: the camera table, or None.

    Raises:
        DataError: a place does not exist.
    """
    missing = [place for place in (*places, *filter(None, [cameras])) if not place.exists()]
    if missing:
        raise DataError(f"{str(missing[0])!r} does not exist", "videos, folders of videos or images, a camera table")
    absolute = [place.absolute() for place in places]
    entry: dict[str, Any] = {"kind": "footage", "root": str(absolute[0])}
    if len(absolute) > 1:
        root = Path(os.path.commonpath([path.parent for path in absolute]))
        entry |= {"root": str(root), "files": [path.relative_to(root).as_posix() for path in absolute]}
    if cameras is not None:
        entry["cameras"] = str(cameras.absolute())
    return entry
