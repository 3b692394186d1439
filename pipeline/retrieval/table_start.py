"""The beginning of a table of embeddings: an empty one of full size, or the one that was begun before."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.atomic_files import TEMPORARY_PREFIX, write_json
from pipeline.errors import DataError
from pipeline.retrieval.row_names import write_row_names
from pipeline.retrieval.stored_table import DTYPES, FEATURES, HEADER, NAMES, TableHeader, read_table_header
from pipeline.retrieval.table_writer import disk_errors

LOCK = ".lock"


def begin_table(folder: Path, header: TableHeader, names: np.ndarray) -> TableHeader:
    """Make an empty table, or find one that was begun or completed with the same header.

    The space is taken from the disk at once, so that a full disk is told before hours of work and not after.

    Args:
        folder: of the table; made where it does not exist.
        header: what the table shall be.
        names: (N,) of `row_names.row_names`.

    Returns:
        the header of the table in the folder.

    Raises:
        DataError: the folder holds something else, or a table of another model, other images or settings; or the disk
            is too small.
    """
    if header.dtype not in DTYPES:
        raise DataError(f"a table of {header.dtype}", f"one of {', '.join(DTYPES)}")
    if (folder / HEADER).exists():
        found = read_table_header(folder)
        _check_same(folder, found, header)
        return found
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        # Until the header is there, only what an earlier try left unfinished may lie in the folder.
        names_found = [path.name for path in sorted(folder.iterdir()) if not path.name.startswith(TEMPORARY_PREFIX)]
        strangers = [name for name in names_found if name not in (FEATURES, NAMES, LOCK)]
        if strangers:
            raise DataError(f"{folder} holds {strangers[0]}", "an empty folder or a table", "Give another folder.")
        write_row_names(folder / NAMES, names)
        _allocate(folder / FEATURES, header)
        write_json(folder / HEADER, header.to_json())
    return header


def _check_same(folder: Path, found: TableHeader, wanted: TableHeader) -> None:
    names = {"model": "another model", "data": "other images", "is_standardised": "other camera statistics"}
    for name, words in names.items():
        if getattr(found.origin, name) != getattr(wanted.origin, name):
            raise DataError(
                f"table {folder} was made from {words}",
                "the same model and images",
                "Give another folder or remove it.",
            )
    before, now = (_settings(header) for header in (found, wanted))
    for name in sorted(before.keys() | now.keys()):
        if before.get(name) != now.get(name):
            raise DataError(
                f"table {folder} was begun with {name} {before.get(name)}, now it is {now.get(name)}",
                "the same settings", "Use those, or give another folder.",
            )  # fmt: skip


def _settings(header: TableHeader) -> dict[str, Any]:
    return {name: getattr(header, name) for name in ("rows", "dimension", "dtype", "block")} | dict(header.settings)


def _allocate(path: Path, header: TableHeader) -> None:
    kind = np.lib.format.dtype_to_descr(np.dtype(header.dtype))
    size = header.rows * header.dimension * np.dtype(header.dtype).itemsize
    with open(path, "wb") as stream:
        shape = (header.rows, header.dimension)
        np.lib.format.write_array_header_1_0(stream, {"descr": kind, "fortran_order": False, "shape": shape})
        stream.flush()
        offset = stream.tell()
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(stream.fileno(), 0, offset + size)
        else:
            stream.truncate(offset + size)
        os.fsync(stream.fileno())
