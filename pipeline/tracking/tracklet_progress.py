"""How far a folder of tracklets has come: the small file that is replaced as a whole at each commit."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipeline.atomic_files import read_json, write_json
from pipeline.errors import DataError

FILE = "progress.json"


@dataclass(frozen=True)
class Progress:
    """How far a camera has come.

    Args:
        frames: so many of its frames are done.
        tracklets: so many of its tracklets are written.
        is_complete: there are no further frames.
        notes: what the caller wants to find again after a restart, as JSON values.
    """

    frames: int = 0
    tracklets: int = 0
    is_complete: bool = False
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class FolderProgress:
    """What was committed.

    Args:
        made_by: what decides which tracklets come out, as JSON values.
        size: of the table in bytes.
        cameras: progress by camera name.
    """

    made_by: Mapping[str, Any]
    size: int
    cameras: Mapping[str, Progress] = field(default_factory=dict)

    def save(self, root: Path) -> None:
        """Write the file atomically into the folder."""
        cameras = {name: asdict(progress) for name, progress in self.cameras.items()}
        write_json(root / FILE, {"made_by": self.made_by, "size": self.size, "cameras": cameras})


def load_progress(root: Path, *, made_by: Mapping[str, Any]) -> FolderProgress | None:
    """Read the file; None where the folder has none yet.

    Args:
        root: the folder.
        made_by: what the folder has to be made by.

    Raises:
        DataError: it was made by something else, or the file has another form.
    """
    if not (root / FILE).exists():
        return None
    state = read_json(root / FILE)
    try:
        cameras = {name: Progress(**fields) for name, fields in state["cameras"].items()}
        found = FolderProgress(dict(state["made_by"]), int(state["size"]), cameras)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"{str(root / FILE)!r} has another form", "made_by, size, cameras", "Delete the folder."
        ) from error
    # What was read back has lists where tuples were given.
    wanted = json.loads(json.dumps(made_by))
    if found.made_by != wanted:
        keys = sorted(key for key in {*found.made_by, *wanted} if found.made_by.get(key) != wanted.get(key))
        changes = ", ".join(f"{key} {found.made_by.get(key)!r} in place of {wanted.get(key)!r}" for key in keys)
        raise DataError(
            f"{str(root)!r} holds tracklets made with {changes}",
            "the same footage, detector and settings",
            "Name another folder, or delete this one.",
        )
    return found
