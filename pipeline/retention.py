"""What stays of footage after a run: pictures that its stages cut out are deleted, and their attempts say so."""

import contextlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipeline.atomic_files import checked_relative, sync_directory, write_json
from pipeline.errors import ManifestError
from pipeline.locks import stage_lock
from pipeline.manifest import REMOVED, read_manifest, removal_of
from pipeline.run_dir import RunDir, StageDir

# By choice, what is deleted of the attempts of each kind of stage that reads footage: folders with '/', files without.
_FRAMES = {"sample_frames": ("frames/",)}
DELETED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "tracklets": _FRAMES,
    "embeddings": {**_FRAMES, "track_people": ("crops/", "tracklets.csv")},
    "none": {**_FRAMES, "track_people": ("crops/", "tracklets.csv")},
}
EMBEDDINGS = "embeddings"


@dataclass(frozen=True)
class Deletion:
    """What was deleted of a run.

    Args:
        files: number of files by stage; stages of which nothing had to be deleted are left out.
        attempts: number of unfinished attempts that were deleted with all they held.
        tables: number of tables of embeddings that were deleted.
    """

    files: Mapping[str, int]
    attempts: int = 0
    tables: int = 0


def delete_pictures(run: Path, keep: str) -> Deletion:
    """Delete what a choice does not keep of all attempts of the stages that read footage.

    What is deleted is noted in `removed.json` of its attempt first, with the digests that it had; a call that is
    interrupted is completed by the next. A stage that would have to be run again on deleted pictures is refused by
    `inputs.collect_inputs`. Attempts that were never finished go as a whole.

    Args:
        run: folder of a run that has succeeded.
        keep: a name in `DELETED`.

    Raises:
        ManifestError: the choice is unknown, or a manifest is not readable.
        LockedError: a stage of the run is being written.
    """
    if keep not in DELETED:
        raise ManifestError(f"keep is {keep!r}", f"one of {', '.join(DELETED)}")
    files, attempts = {}, 0
    for folder in sorted(path.parent for path in run.glob("*/CURRENT")):
        stage = RunDir(run).stage(folder.name)
        current = stage.current()
        parts = DELETED[keep].get(read_manifest(current).kind) if current is not None else None
        if parts is None:
            continue
        with contextlib.ExitStack() as held:
            held.enter_context(stage_lock(stage))
            attempts += _delete_unfinished(stage)
            count = sum(_delete(attempt, parts, keep) for attempt in stage.committed())
        if count:
            files[folder.name] = count
    tables = 0
    if keep == "none" and (run / EMBEDDINGS).is_dir():
        tables = sum(path.is_dir() for path in (run / EMBEDDINGS).iterdir())
        shutil.rmtree(run / EMBEDDINGS)
    return Deletion(files, attempts, tables)


def _delete_unfinished(stage: StageDir) -> int:
    unfinished = stage.unfinished()
    for attempt in unfinished:
        shutil.rmtree(attempt)
    return len(unfinished)


def _delete(attempt: Path, parts: tuple[str, ...], keep: str) -> int:
    """Delete some files of a committed attempt and return how many were still there."""
    listed = read_manifest(attempt).files
    meant = {name: digest for name, digest in listed.items() if _is_among(name, parts)}
    before = removal_of(attempt)
    # A stricter choice adds to what an earlier one has noted.
    noted = {**before.get("files", {}), **meant}
    present = [name for name in sorted(noted) if checked_relative(attempt, name).exists()]
    if noted != before.get("files", {}) or present:
        when = datetime.now(UTC).isoformat(timespec="seconds")
        write_json(attempt / REMOVED, {"schema": 1, "keep": keep, "time": when, "files": noted})
    for name in present:
        (attempt / name).unlink()
    for part in parts:
        if part.endswith("/") and (attempt / part).is_dir():
            shutil.rmtree(attempt / part)
    sync_directory(attempt)
    return len(present)


def _is_among(name: str, parts: tuple[str, ...]) -> bool:
    return any(name.startswith(part) if part.endswith("/") else name == part for part in parts)
