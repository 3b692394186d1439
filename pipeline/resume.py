"""Points inside an attempt from which a killed stage goes on: complete, hashed, and the newest two kept."""

import json
import logging
import os
import re
import secrets
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.atomic_files import (
    TEMPORARY_PREFIX,
    checked_relative,
    read_json,
    regular_files,
    sha256_of_file,
    sync_directory,
    write_json,
)
from pipeline.coordination import Coordinator
from pipeline.errors import CheckpointError, ManifestError
from pipeline.metrics_log import MetricsLog

logger = logging.getLogger(__name__)

POINT_MANIFEST = "point.json"
SCHEMA = 1
KEPT_POINTS = 2


@dataclass(frozen=True)
class ResumePoint:
    """A verified point to continue from.

    Args:
        step: number of steps that were complete.
        directory: absolute folder with the files that were saved.
    """

    step: int
    directory: Path


class ResumeStore:
    """The resume points of one attempt.

    Args:
        folder: the attempt's `resume` folder; it need not exist.
        fingerprint: the attempt's fingerprint; points of another one are refused.
        stage: the stage's name, for messages.
        metrics: the log that is cut back to where it was when the point was saved.
        coordinator: this process' place among the ranks.
    """

    def __init__(
        self, folder: Path, fingerprint: str, *, stage: str, metrics: MetricsLog, coordinator: Coordinator | None = None
    ) -> None:
        self._folder = folder
        self._fingerprint = fingerprint
        self._stage = stage
        self._metrics = metrics
        self._coordinator = coordinator or Coordinator()

    def latest(self) -> ResumePoint | None:
        """Return the newest point on every rank, or None where the stage has to begin at the beginning.

        Raises:
            CheckpointError: the newest point is damaged; the user decides whether to go back or to begin again.
        """
        return self._coordinator.decide(self._latest)

    def save(self, step: int, write: Callable[[Path], None]) -> None:
        """Leave a point to continue from; only the first rank calls `write`.

        Args:
            step: number of complete steps.
            write: puts its files into the folder that it is given.
        """
        self._coordinator.decide(lambda: self._save(step, write))

    def _latest(self) -> ResumePoint | None:
        points = point_folders(self._folder)
        if not points:
            self._metrics.cut(0)
            return None
        step, directory = points[-1]
        try:
            content = verify_point(directory, self._fingerprint)
        except ManifestError as error:
            raise CheckpointError(
                f"resume point {directory} is damaged: {error}", "", self._way_out([step for step, _ in points[:-1]])
            ) from error
        self._metrics.cut(content["metrics_bytes"])
        logger.info("%s: resuming at step %d", self._stage, step)
        return ResumePoint(step, directory)

    def _way_out(self, older: list[int]) -> str:
        back = f"Go back to an older point with --resume-from {older[-1]}, or begin" if older else "Begin"
        return f"{back} the stage again with --restart {self._stage}"

    def _save(self, step: int, write: Callable[[Path], None]) -> None:
        target = self._folder / f"step-{step:06d}"
        self._folder.mkdir(exist_ok=True)
        for leftover in self._folder.glob(f"{TEMPORARY_PREFIX}*"):
            shutil.rmtree(leftover)
        temporary = self._folder / f"{TEMPORARY_PREFIX}{target.name}"
        temporary.mkdir()
        write(temporary)
        files = {name: sha256_of_file(temporary / name, sync=True) for name in regular_files(temporary)}
        content = {
            "schema": SCHEMA,
            "step": step,
            "fingerprint": self._fingerprint,
            "files": files,
            "metrics_bytes": self._metrics.size(),
        }
        write_json(temporary / POINT_MANIFEST, content)
        if target.exists():
            _remove(target)
        os.replace(temporary, target)
        sync_directory(self._folder)
        for _, directory in point_folders(self._folder)[:-KEPT_POINTS]:
            _remove(directory)


def point_folders(folder: Path) -> list[tuple[int, Path]]:
    """Return the resume points in a folder as (step, directory), the newest last, without looking inside."""
    found = []
    if folder.is_dir():
        for directory in folder.iterdir():
            match = re.fullmatch(r"step-(\d{6,})", directory.name)
            if match and directory.is_dir() and not directory.is_symlink():
                found.append((int(match.group(1)), directory))
    return sorted(found)


def verify_point(directory: Path, fingerprint: str) -> Mapping[str, Any]:
    """Check every file of a resume point against its own hash.

    Args:
        directory: the point's folder.
        fingerprint: what the attempt's fingerprint is.

    Returns:
        The content of the point's own manifest.

    Raises:
        ManifestError: a file is missing or altered, or the point belongs to other settings.
    """
    content = read_json(directory / POINT_MANIFEST)
    if content.get("schema") != SCHEMA:
        raise ManifestError(f"file {POINT_MANIFEST} has schema {json.dumps(content.get('schema'))}", str(SCHEMA))
    if content.get("fingerprint") != fingerprint:
        raise ManifestError("it was saved under other settings or inputs")
    files, size = content.get("files"), content.get("metrics_bytes")
    if not isinstance(files, dict) or not isinstance(size, int):
        raise ManifestError(f"file {POINT_MANIFEST} lacks `files` or `metrics_bytes`")
    for name, digest in sorted(files.items()):
        path = checked_relative(directory, name)
        if not path.is_file():
            raise ManifestError(f"file {name} is missing")
        if sha256_of_file(path) != digest:
            raise ManifestError(f"file {name}: sha256 differs")
    return content


def _remove(directory: Path) -> None:
    # Renamed first: a kill in the middle must not leave half a point under a valid name.
    doomed = directory.with_name(f"{TEMPORARY_PREFIX}{directory.name}-{secrets.token_hex(4)}")
    os.replace(directory, doomed)
    shutil.rmtree(doomed)
