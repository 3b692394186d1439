"""Seeds, and what a run was made with: sources, commit, packages, host."""

import hashlib
import os
import platform
import shlex
import subprocess
import sys
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SOURCE_FOLDERS = ("datasets", "pipeline", "stages")
PACKAGES = ("torch", "torchvision", "timm", "numpy", "albumentations", "faiss-cpu", "faiss-gpu", "scikit-learn")


def derive_seed(seed: int, *names: str) -> int:
    """Return an independent seed in 0..2^31-1 for a named purpose, the same on every machine."""
    text = "/".join((str(seed), *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1


def seed_everything(seed: int) -> None:
    """Seed Python's, NumPy's and torch's global generators, for libraries that take no generator of their own."""
    # Imported here: the programs that only look at a run must not pay for torch.
    import random

    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


@cache
def code_state() -> dict[str, Any]:
    """Return the commit, whether the tree differs from it, the digest of the sources, and the packages' versions."""
    status = _git("status", "--porcelain")
    return {
        "commit": _git("rev-parse", "HEAD"),
        "dirty": None if status is None else bool(status),
        "sources": sources_digest(),
        "python": platform.python_version(),
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
    }


@cache
def sources_digest(root: Path = ROOT) -> str:
    """Return one SHA-256 over the names and contents of the project's Python sources."""
    total = hashlib.sha256()
    for folder in SOURCE_FOLDERS:
        for path in sorted((root / folder).rglob("*.py")):
            name = path.relative_to(root).as_posix()
            total.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


def host_state() -> dict[str, Any]:
    """Return where this process runs, and the command that started it."""
    return {
        "command": shlex.join(["python", *sys.argv]),
        "host": platform.node(),
        "pid": os.getpid(),
        "system": platform.platform(),
    }


def _git(*arguments: str) -> str | None:
    command = ["git", "-C", str(ROOT), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
