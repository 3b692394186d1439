"""Files that have their name only when they are complete."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def complete_file(path: Path) -> Iterator[Path]:
    """Yield the name of a hidden file that becomes `path` at the end of the block, and is removed after an error.

    Args:
        path: the file; its folder exists.

    Raises:
        OSError: with the name of a file.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        with named_errors(path):
            yield part
            with open(part, "rb") as written:
                os.fsync(written.fileno())
            os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def named_errors(path: Path) -> Iterator[None]:
    """Put a file's name into errors of the block that name none, as those of a full disk do."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise
