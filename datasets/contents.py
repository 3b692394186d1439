"""Hashes of file contents; a file that kept its size and time is hashed once in a process."""

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_THREADS, _BLOCK = 4, 256
# One run reads the same files for several stages.
_known_hashes: dict[tuple[str, int, int], bytes] = {}


def file_hashes(root: Path, names: Sequence[str]) -> list[bytes]:
    """Return the SHA-256 of each file below a folder, in order; a fixed word for one that cannot be read.

    Args:
        root: the folder.
        names: of the files, relative to it.
    """
    paths = [f"{root}/{name}" for name in names]
    blocks = [paths[first : first + _BLOCK] for first in range(0, len(paths), _BLOCK)]
    with ThreadPoolExecutor(_THREADS) as pool:
        return [content for block in pool.map(_hash_all, blocks) for content in block]


def _hash_all(paths: Sequence[str]) -> list[bytes]:
    return [_hash(path) for path in paths]


def _hash(path: str) -> bytes:
    try:
        state = os.stat(path)
        key = (path, state.st_size, state.st_mtime_ns)
        if key not in _known_hashes:
            with open(path, "rb") as file:
                _known_hashes[key] = hashlib.file_digest(file, "sha256").digest()
        return _known_hashes[key]
    except OSError:
        return b"unreadable"
