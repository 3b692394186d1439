"""A table of embeddings in a folder: a mapped .npy file, the names of its rows, and a header that says what made it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.atomic_files import read_json
from pipeline.errors import DataError, ManifestError
from pipeline.retrieval.origin import Origin
from pipeline.retrieval.row_names import open_row_names

SCHEMA = 1
HEADER, FEATURES, NAMES = "table.json", "features.npy", "names.npy"
PROGRESS = "progress-*.jsonl"
DTYPES = ("float32", "float16")


@dataclass(frozen=True)
class TableHeader:
    """What a table is and how far it is.

    Args:
        rows: N.
        dimension: D.
        dtype: a name in `DTYPES`.
        block: rows that are written, and counted as done, together.
        origin: model and images.
        settings: everything else that the numbers depend on, by name.
        rows_done: N once the table is complete, 0 before.
        unreadable: positions of the images that could not be read; their rows are NaN.
    """

    rows: int
    dimension: int
    dtype: str
    block: int
    origin: Origin
    settings: Mapping[str, Any] = field(default_factory=dict)
    rows_done: int = 0
    unreadable: tuple[int, ...] = ()

    @property
    def num_blocks(self) -> int:
        """Return the number of blocks; the last may be shorter."""
        return -(-self.rows // self.block)

    def span(self, block: int) -> slice:
        """Return the rows of a block."""
        return slice(block * self.block, min(self.rows, (block + 1) * self.block))

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"schema": SCHEMA, **asdict(self), "unreadable": list(self.unreadable)}


@dataclass(frozen=True)
class StoredTable:
    """A complete table, mapped: what is not looked at is not read.

    Args:
        header: what it is.
        features: (N, D) read-only, float32 or float16.
        names: (N,) of `row_names.open_row_names`.
    """

    header: TableHeader
    features: np.ndarray
    names: np.ndarray

    @cached_property
    def readable(self) -> np.ndarray:
        """Positions of the rows whose image could be read, ascending."""
        return np.setdiff1d(np.arange(self.header.rows), np.array(self.header.unreadable, np.int64))


def read_table_header(folder: Path) -> TableHeader:
    """Read a table's header alone.

    Raises:
        DataError: there is no table, or its header is damaged or newer.
    """
    remedy = "Give a folder that tools/extract.py wrote."
    if not (folder / HEADER).is_file():
        raise DataError(f"{folder} holds no table of embeddings", f"a folder with {HEADER}", remedy)
    try:
        values = read_json(folder / HEADER)
        if values.pop("schema", None) != SCHEMA:
            raise DataError(f"the header of {folder} is not of schema {SCHEMA}", "", "Extract the table again.")
        origin, unreadable = Origin.from_json(values.pop("origin")), tuple(values.pop("unreadable"))
        header = TableHeader(origin=origin, unreadable=unreadable, **values)
    except (ManifestError, TypeError, KeyError) as error:
        raise DataError(f"the header of table {folder} is damaged ({error})", "", "Extract the table again.") from error
    return header


def open_table(folder: Path) -> StoredTable:
    """Map a complete table.

    Args:
        folder: that `table_writer` filled.

    Raises:
        DataError: not there, not complete, or damaged.
    """
    header = read_table_header(folder)
    if header.rows_done < header.rows:
        blocks = {entry["block"] for entry in read_progress(folder)}
        done = sum(header.span(block).stop - header.span(block).start for block in blocks)
        raise DataError(
            f"table {folder} has {done} of {header.rows} rows",
            "a complete table",
            "Run tools/extract.py with the same words again; it goes on where it stopped.",
        )
    features = mapped_features(folder, header)
    return StoredTable(header, features, open_row_names(folder / NAMES, count=header.rows))


def mapped_features(folder: Path, header: TableHeader) -> np.ndarray:
    """Map the numbers of a table, read-only.

    Args:
        folder: of the table.
        header: of the table.

    Raises:
        DataError: missing, cut off, or of another shape than the header says.
    """
    path = folder / FEATURES
    try:
        features: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path} cannot be read ({error})", "a .npy file", "Extract the table again.") from error
    if features.shape != (header.rows, header.dimension) or features.dtype != header.dtype:
        raise DataError(
            f"{path} is {features.shape} of {features.dtype}",
            f"({header.rows}, {header.dimension}) of {header.dtype}",
            "Extract the table again.",
        )
    return features


def read_progress(folder: Path) -> list[dict[str, Any]]:
    """Return what all writers noted: block, checksum (crc) and unreadable positions; a torn line is passed over."""
    notes: dict[int, dict[str, Any]] = {}
    for path in sorted(folder.glob(PROGRESS)):
        for line in path.read_text(encoding="ascii", errors="replace").splitlines():
            try:
                note = json.loads(line)
                notes[note["block"]] = {key: note[key] for key in ("block", "crc", "unreadable")}
            except (ValueError, TypeError, KeyError):
                continue
    return [notes[block] for block in sorted(notes)]
