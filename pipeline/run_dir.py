"""Where each file of a run lies: stages, attempts, and which attempt counts."""

import re
from pathlib import Path

from pipeline.atomic_files import write_atomic
from pipeline.errors import ManifestError
from pipeline.manifest import MANIFEST

CURRENT = "CURRENT"
_ATTEMPT = re.compile(r"a\d{4,}")


class StageDir:
    """One stage's folder inside a run.

    Args:
        path: the folder; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = path / ".lock"
        self.lock_holder = path / ".lock-holder"

    def attempts(self) -> list[Path]:
        """Return all attempts, the newest last."""
        if not self.path.is_dir():
            return []
        found = [entry for entry in self.path.iterdir() if _ATTEMPT.fullmatch(entry.name) and entry.is_dir()]
        return sorted(found, key=lambda entry: int(entry.name[1:]))

    def committed(self) -> list[Path]:
        """Return the attempts that have a manifest, the newest last."""
        return [attempt for attempt in self.attempts() if (attempt / MANIFEST).exists()]

    def unfinished(self) -> list[Path]:
        """Return the attempts without a manifest, the newest last."""
        return [attempt for attempt in self.attempts() if not (attempt / MANIFEST).exists()]

    def current(self) -> Path | None:
        """Return the attempt that counts, or None where nothing was committed yet.

        Raises:
            ManifestError: CURRENT names something that is not an attempt of this stage.
        """
        try:
            text = (self.path / CURRENT).read_bytes()[:64].decode(errors="replace")
        except FileNotFoundError:
            return None
        name = text.removesuffix("\n")
        if not _ATTEMPT.fullmatch(name):
            raise ManifestError(f"file {CURRENT} holds {name!r}", "the name of an attempt such as a0001")
        if not (self.path / name).is_dir():
            raise ManifestError(f"file {CURRENT} names {name}, which is missing")
        return self.path / name

    def set_current(self, attempt: Path) -> None:
        """Make a committed attempt the one that counts."""
        write_atomic(self.path / CURRENT, attempt.name + "\n")

    def new_attempt(self) -> Path:
        """Create the folder of the next attempt."""
        attempts = self.attempts()
        number = int(attempts[-1].name[1:]) + 1 if attempts else 1
        attempt = self.path / f"a{number:04d}"
        attempt.mkdir(parents=True)
        return attempt


class RunDir:
    """A run's folder.

    Args:
        path: the folder; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.config = self.path / "config.yaml"
        self.plan = self.path / "plan.json"

    def stage(self, name: str) -> StageDir:
        """Return the folder of one stage."""
        return StageDir(self.path / name)
