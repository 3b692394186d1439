"""Files that are either complete or absent: atomic writes, hashes, and guarded reading of JSON."""

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline.errors import ManifestError

JSON_LIMIT_BYTES = 64 * 1024 * 1024
TEMPORARY_PREFIX = ".tmp-"


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write a file so that every reader sees the old content or the new one, also after a power cut.

    Args:
        path: the file; its directory exists.
        content: the bytes, or text that is stored as UTF-8.
    """
    data = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{path.name}-{os.getpid()}-{secrets.token_hex(4)}")
    try:
        with open(temporary, "xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        # A failed write() names no file; the message to the user has to.
        error.filename = str(path)
        raise
    sync_directory(path.parent)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write sorted, indented JSON atomically, so that equal values are equal bytes and differences are small."""
    write_atomic(path, json.dumps(value, sort_keys=True, indent=1, allow_nan=False) + "\n")


def read_json(path: Path, *, limit: int = JSON_LIMIT_BYTES) -> dict[str, Any]:
    """Read a JSON object.

    Args:
        path: the file.
        limit: largest accepted size in bytes.

    Returns:
        The object.

    Raises:
        ManifestError: the file is absent, larger than the limit, or not a JSON object.
    """
    try:
        with open(path, "rb") as stream:
            data = stream.read(limit + 1)
        if len(data) > limit:
            raise ManifestError(f"file {path} is larger than {limit} bytes", "a small JSON object")
        value = json.loads(data)
    except OSError as error:
        raise ManifestError(f"file {path} can't be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"file {path} is not JSON ({error})") from error
    if not isinstance(value, dict):
        raise ManifestError(f"file {path} holds a {type(value).__name__}", "a JSON object")
    return value


def sha256_of_file(path: Path, *, sync: bool = False) -> str:
    """Return the hexadecimal SHA-256 of a file's content.

    Args:
        path: the file.
        sync: also force the content to the disk, for files that another library wrote.
    """
    with open(path, "rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        if sync:
            os.fsync(stream.fileno())
    return digest


def sync_directory(directory: Path) -> None:
    """Force a directory's entries to the disk, so that a rename survives a power cut."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def checked_relative(root: Path, name: str) -> Path:
    """Return root/name after making sure that the name stays inside root.

    Args:
        root: the directory that the name must stay in.
        name: a normalised, relative, '/'-separated path.

    Raises:
        ManifestError: the name is absolute, has '..', is not normalised, or goes through a symbolic link.
    """
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts or "\\" in name or "\0" in name or not name or str(pure) != name:
        raise ManifestError(f"path {name!r} in {root}", "a relative, normalised path inside the attempt")
    path = root
    for part in pure.parts:
        path = path / part
        if path.is_symlink():
            raise ManifestError(f"{path} is a symbolic link", "a regular file inside the attempt")
    return path


def regular_files(root: Path) -> list[str]:
    """Return the sorted relative names of all files below a directory, without temporary ones.

    Raises:
        ManifestError: one of them is a symbolic link or a device.
    """
    names = []
    for path in sorted(root.rglob("*")):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise ManifestError(f"{path} is a link or a device", "only regular files in an attempt")
        if path.is_file() and not path.name.startswith(TEMPORARY_PREFIX):
            names.append(path.relative_to(root).as_posix())
    return names
