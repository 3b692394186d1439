"""Reader for a folder of tracklets: crops that a tracker cut from footage, and the table that says where and when.

ROOT/tracklets.csv has a row for each crop with COLUMNS: `path` relative to ROOT, a `tracklet` that no other camera has,
`seconds` on the clock that `clock` names (one for all cameras where the column is absent), the box in pixels of the
frame. Nobody knows who the people are. A last row that was not written to its end is left out: footage may still be cut
into the folder.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from datasets.csv_rows import finite_or_none
from datasets.file_data import file_data
from datasets.frame_text import whole_number
from datasets.listing import list_images, open_root
from datasets.records import ReIDData, ReIDSample, normalise_camera_name
from pipeline.errors import DataError

TABLE = "tracklets.csv"
COLUMNS = ("path", "camera", "tracklet", "frame", "seconds", "left", "top", "right", "bottom", "score", "clock")
_NEEDED = COLUMNS[:5]
_MAX_MISSING = 0.2


def read_tracklets(root: str) -> ReIDData:
    """Read the crops that the table names; their person ids are None.

    Args:
        root: the folder that holds tracklets.csv.

    Raises:
        DataError: the table is missing, lacks a column or holds no crop, a row is wrong or names an image a second
            time, or more than a fifth of the images are missing.
    """
    base = open_root(root)
    table = base / TABLE
    text = _read_table(table)
    whole, _, torn = text.rpartition("\n")
    rows = dict(_rows(whole, table, domain=base.absolute().name))
    if not rows:
        raise DataError(
            f"{str(table)!r} names no crop", "at least one", "No person was found in the footage, or all were left out."
        )
    present = set(list_images(base).names)
    samples = [sample for path, sample in rows.items() if path in present]
    missing = len(rows) - len(samples)
    if missing > _MAX_MISSING * len(rows):
        first = next(path for path in rows if path not in present)
        raise DataError(
            f"{missing} of the {len(rows)} crops of {str(table)!r} are missing, such as {first!r}",
            f"at most {_MAX_MISSING:.0%} missing ones",
            "They may have been deleted after the adaptation; cut the footage again.",
        )
    skipped = Counter({
        "row without an image": missing,
        "image not in the table": len(present) - len(samples),
        "row not written to its end": int(bool(torn.strip())),
    })  # fmt: skip
    return file_data(base, samples, skipped=skipped, part="tracklets")


def _read_table(table: Path) -> str:
    try:
        return table.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise DataError(
            f"{str(table.parent)!r} has no {TABLE}",
            "a folder of tracklets cut from footage",
            "For crops without tracklets use kind: image_folder.",
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise DataError(f"table {str(table)!r} cannot be read ({reason})", "a CSV file in UTF-8") from error


def _rows(text: str, table: Path, *, domain: str) -> Iterator[tuple[str, ReIDSample]]:
    seen: set[str] = set()
    for number, row in enumerate(_parse(text, table), start=2):
        place = f"table {str(table)!r} row {number}"
        sample = _to_sample(row, place, domain)
        if sample.path in seen:
            raise DataError(f"{place} names {sample.path!r} a second time", "one row a crop")
        seen.add(sample.path)
        yield sample.path, sample


def _parse(text: str, table: Path) -> list[dict[str, str | None]]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        header = [name.strip().lower() for name in reader.fieldnames or ()]
        reader.fieldnames = header
        rows = list(reader)
    except csv.Error as error:
        raise DataError(f"table {str(table)!r} cannot be read ({error})", "a CSV file in UTF-8") from error
    if absent := [column for column in _NEEDED if column not in header]:
        found = ", ".join(header) or "no header line"
        raise DataError(
            f"table {str(table)!r} has no column {absent[0]!r} (found: {found})", f"the header {','.join(COLUMNS)}"
        )
    return rows


def _to_sample(row: Mapping[str, str | None], place: str, domain: str) -> ReIDSample:
    values = {column: (row.get(column) or "").strip() for column in _NEEDED}
    if empty := [column for column, value in values.items() if not value]:
        raise DataError(f"{place} has nothing in the column {empty[0]!r}", "a value in each of " + ", ".join(_NEEDED))
    path = PurePosixPath(values["path"])
    if path.is_absolute() or ".." in path.parts or "\\" in values["path"]:
        raise DataError(f"{place}: {values['path']!r} leads out of the folder", "a name relative to the folder")
    seconds = finite_or_none(values["seconds"])
    if seconds is None:
        raise DataError(f"{place}, column 'seconds': {values['seconds']!r}", "a finite number of seconds")
    frame = whole_number(values["frame"], place=f"{place}, column 'frame'")
    return ReIDSample(
        path=str(path),
        person_id=None,
        camera_id=normalise_camera_name(values["camera"]),
        domain=domain,
        frame=frame,
        tracklet_id=values["tracklet"],
        seconds=seconds,
        clock=(row.get("clock") or "").strip() or None,
    )
