"""Read the rows of a CSV file that describes images, keyed by the image's path."""

import csv as csv_format
import logging
import math
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from pipeline.errors import DataError

logger = logging.getLogger(__name__)

COLUMNS = ("path", "person", "camera", "frame", "tracklet", "seconds", "split")


def read_csv_rows(
    root: Path, csv: str, *, needed: Sequence[str], split: str | None = None, is_split_optional: bool = False
) -> dict[str, dict[str, str]]:
    """Read a table with a header line.

    Args:
        root: the image folder; a relative name is looked up in it first, then in the working directory.
        csv: the file's name.
        needed: columns that have to be there.
        split: keep only rows with this value in the split column.
        is_split_optional: take all rows where there is no split column.

    Returns:
        the row of each path ('/'-separated, relative to root).

    Raises:
        DataError: the file cannot be read, lacks a column or gives one path twice.
    """
    path = root / csv if (root / csv).is_file() else Path(csv).expanduser()
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv_format.DictReader(file)
            header = [name.strip().lower() for name in reader.fieldnames or ()]
            reader.fieldnames = header
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv_format.Error) as error:
        raise DataError(f"table {str(path)!r} cannot be read ({error})", "a CSV file in UTF-8") from error
    if split is not None and not ("split" not in header and is_split_optional):
        needed = (*needed, "split")
        rows = [row for row in rows if (row.get("split") or "").strip() == split]
    if missing := [column for column in needed if column not in header]:
        found = ", ".join(header) or "no header line"
        raise DataError(f"table {str(path)!r} has no column {missing[0]!r} (found: {found})", f"some of {COLUMNS}")
    return _by_path(rows, path)


def finite_or_none(text: str) -> float | None:
    """Return the finite number that a field spells, None where it is empty or something else."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _by_path(rows: Sequence[dict[str, str]], table: Path) -> dict[str, dict[str, str]]:
    by_path: dict[str, dict[str, str]] = {}
    for number, row in enumerate(rows, start=2):
        name = str(PurePosixPath((row["path"] or "").strip().replace("\\", "/")))
        fields = {column: row.get(column) or "" for column in COLUMNS}
        if by_path.get(name, fields) != fields:
            raise DataError(f"table {str(table)!r} row {number} gives {name!r} a second time with other values")
        by_path[name] = fields
    return by_path
