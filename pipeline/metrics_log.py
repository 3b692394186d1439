"""The rows of numbers that a stage writes while it works; cut back exactly when the stage is resumed."""

import json
import logging
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)


class MetricsLog:
    """Appends one JSON object a line, visible to readers at once.

    Args:
        path: the file; None writes nothing (ranks other than the first).
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def write(self, row: Mapping[str, Any]) -> None:
        """Append one row; numbers that JSON has no word for (nan, inf) become null."""
        if self._path is None:
            return
        line = json.dumps({key: _plain(value) for key, value in row.items()}, allow_nan=False)
        with open(self._path, "a", encoding="utf-8") as stream:
            stream.write(line + "\n")

    def size(self) -> int:
        """Return the number of bytes written so far, after forcing them to the disk."""
        if self._path is None or not self._path.exists():
            return 0
        with open(self._path, "rb") as stream:
            os.fsync(stream.fileno())
        return self._path.stat().st_size

    def cut(self, size: int) -> None:
        """Drop everything after the first `size` bytes: rows that a resumed stage is going to write again."""
        if self._path is None or not self._path.exists():
            return
        if self._path.stat().st_size < size:
            logger.warning("%s is shorter than at the last resume point; some rows are lost", self._path)
            return
        os.truncate(self._path, size)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if value is None or isinstance(value, str | bool | int):
        return value
    number = float(value)
    return number if math.isfinite(number) else None
