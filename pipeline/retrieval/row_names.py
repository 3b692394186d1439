"""What a search tells of a row besides its position: name, camera and person, in an array that can be mapped."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import DataError

# Names of files may hold bytes that are no UTF-8.
_UNDECODABLE = "surrogateescape"
FIELDS = ("name", "camera", "person")


def row_names(names: Sequence[str], cameras: Sequence[str | None], persons: Iterable[int | None]) -> np.ndarray:
    """Return one record a row: name and camera as bytes, person as a number, -1 where unknown.

    Args:
        names: N names, such as relative paths.
        cameras: N camera names; None and '' mean unknown.
        persons: N ids; None means unknown.

    Returns:
        (N,) structured array with the fields of `FIELDS`.
    """
    columns = (
        np.array([name.encode(errors=_UNDECODABLE) for name in names] or [b""]),
        np.array([(camera or "").encode(errors=_UNDECODABLE) for camera in cameras] or [b""]),
        np.array([-1 if person is None else person for person in persons] or [-1], np.int64),
    )
    kinds = [(field, column.dtype) for field, column in zip(FIELDS, columns, strict=True)]
    rows = np.empty(len(columns[0]), kinds)
    for field, column in zip(FIELDS, columns, strict=True):
        rows[field] = column
    return rows[: len(names)]


def write_row_names(path: Path, rows: np.ndarray) -> None:
    """Write what `row_names` returned as a .npy file, down to the disk."""
    with open(path, "wb") as stream:
        np.save(stream, rows, allow_pickle=False)
        stream.flush()
        os.fsync(stream.fileno())


def open_row_names(path: Path, *, count: int) -> np.ndarray:
    """Map a file of row names.

    Args:
        path: the .npy file.
        count: rows that it has to have.

    Raises:
        DataError: missing, damaged, or of another length.
    """
    remedy = "Make the folder that it lies in again."
    try:
        rows: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise DataError(f"there is no file {path}", "the names of the rows", remedy) from error
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path} cannot be read ({error})", "the names of the rows", remedy) from error
    if rows.dtype.names != FIELDS or len(rows) != count:
        raise DataError(f"{path} has {len(rows)} entries of {rows.dtype}", f"{count} with {', '.join(FIELDS)}", remedy)
    return rows


def name_facts(record: np.void) -> dict[str, Any]:
    """Return name, camera and person of a row as plain values; None where unknown.

    Args:
        record: one entry of `row_names`.
    """
    name, camera, person = (record[field] for field in FIELDS)
    return {
        "name": bytes(name).decode(errors=_UNDECODABLE),
        "camera": bytes(camera).decode(errors=_UNDECODABLE) or None,
        "person": int(person) if person >= 0 else None,
    }
