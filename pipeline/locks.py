"""One writer a stage: a lock that the system releases when its holder dies, with the holder's name beside it."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from pipeline.atomic_files import write_atomic
from pipeline.errors import LockedError
from pipeline.run_dir import StageDir


@contextmanager
def stage_lock(folder: StageDir) -> Iterator[None]:
    """Hold a stage's writer lock.

    Args:
        folder: the stage's folder; it is created.

    Raises:
        LockedError: another process holds it; the message names host and pid.
    """
    folder.path.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.lock)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        try:
            holder = folder.lock_holder.read_text(encoding="utf-8").strip()
        except OSError:
            holder = "unknown"
        raise LockedError(
            f"stage {folder.path.name} in {folder.path.parent} is being written by another process ({holder})",
            "",
            "Wait until it has finished, stop it, or use another --run-dir",
        ) from error
    try:
        # A file of its own: some versions of the lock truncate the lock file when they try to take it.
        write_atomic(folder.lock_holder, f"host {platform.node()}, pid {os.getpid()}\n")
        yield
    finally:
        lock.release()
