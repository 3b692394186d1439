"""The table that says which camera made which recording and, where known, when it began."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipeline.errors import DataError

_COLUMNS = "a header line file,camera or file,camera,start"


@dataclass(frozen=True)
class MappedFile:
    """One row of the table.

    Args:
        camera: name of the camera.
        start: seconds on the clock that the cameras share, or None where the row does not say.
        is_date: the start is a time of day, counted in seconds since 1970 UTC.
    """

    camera: str
    start: float | None
    is_date: bool


def read_camera_map(path: Path) -> dict[str, MappedFile]:
    """Read the table; the keys are file names as it spells them, in its order.

    Args:
        path: the CSV file. `start` is a number of seconds, or an ISO time; one without a zone is taken as UTC.

    Raises:
        DataError: the file cannot be read, lacks a column, or a row is wrong; the row is named.
    """
    mapped: dict[str, MappedFile] = {}
    for number, row in enumerate(_rows(path), start=2):
        place = f"table {str(path)!r} row {number}"
        name, camera = (row.get("file") or "").strip(), (row.get("camera") or "").strip()
        if not name or not camera:
            raise DataError(f"{place} has no {'camera' if name else 'file'}", "a file and its camera in each row")
        if name in mapped:
            raise DataError(f"{place} names {name!r} a second time", "one row a file")
        check_camera_name(camera, place)
        start, is_date = _start((row.get("start") or "").strip(), place)
        mapped[name] = MappedFile(camera, start, is_date)
    if not mapped:
        raise DataError(f"table {str(path)!r} has no row", "a row for each recording")
    _check_one_clock(mapped, path)
    return mapped


def check_camera_name(camera: str, place: str) -> None:
    """Refuse a camera whose name cannot be that of a folder.

    Args:
        camera: the name.
        place: where it stands, for the message.

    Raises:
        DataError: it holds a slash or a control character, or begins with a dot.
    """
    if any(letter in "/\\" or not letter.isprintable() for letter in camera) or camera.startswith("."):
        raise DataError(f"{place}: a camera cannot be called {camera!r}", "a name that a folder can have")


def _rows(path: Path) -> Sequence[Mapping[str, str | None]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            reader.fieldnames = [name.strip().lower() for name in reader.fieldnames or ()]
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise DataError(f"table {str(path)!r} cannot be read ({reason})", "a CSV file in UTF-8") from error
    missing = [column for column in ("file", "camera") if column not in reader.fieldnames]
    if missing:
        found = ", ".join(reader.fieldnames) or "no header line"
        raise DataError(f"table {str(path)!r} has no column {missing[0]!r} (found: {found})", _COLUMNS)
    return rows


def _start(text: str, place: str) -> tuple[float | None, bool]:
    if not text:
        return None, False
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise DataError(
                f"{place}: start {text!r} is no time",
                "seconds such as 12.5, or an ISO time such as 2026-03-01T08:00:00",
            ) from error
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp(), True
    if not math.isfinite(seconds):
        raise DataError(f"{place}: start {text!r} is no time", "a finite number of seconds")
    return seconds, False


def _check_one_clock(mapped: Mapping[str, MappedFile], path: Path) -> None:
    kinds = {entry.is_date for entry in mapped.values() if entry.start is not None}
    if len(kinds) > 1:
        raise DataError(f"table {str(path)!r} has starts in seconds and starts as dates", "one of the two")
