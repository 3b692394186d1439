"""Writing a table of embeddings block by block, so that it can go on after a kill at any moment."""

import errno
import json
import logging
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.atomic_files import write_json
from pipeline.errors import DataError
from pipeline.retrieval.stored_table import (
    FEATURES,
    HEADER,
    PROGRESS,
    TableHeader,
    mapped_features,
    read_progress,
    read_table_header,
)

logger = logging.getLogger(__name__)


class TableWriter:
    """One process' way into a table that `begin_table` made; each process writes other blocks.

    Args:
        folder: of the table.
        rank: number of this process; its notes have a file of their own.

    Raises:
        DataError: there is no table.
    """

    def __init__(self, folder: Path, *, rank: int = 0) -> None:
        self._folder, self._header = folder, read_table_header(folder)
        self._notes = folder / PROGRESS.replace("*", f"{rank:04d}")

    def pending(self) -> list[int]:
        """Return the blocks that are still to be written, also those whose bytes are not what was noted."""
        if self._header.rows_done == self._header.rows:
            return []
        features = mapped_features(self._folder, self._header)
        done = set()
        for note in read_progress(self._folder):
            block = note["block"]
            if block < self._header.num_blocks and zlib.crc32(features[self._header.span(block)].data) == note["crc"]:
                done.add(block)
            else:
                logger.warning("block %d of %s differs from its checksum and is written again", block, self._folder)
        return [block for block in range(self._header.num_blocks) if block not in done]

    def write(self, block: int, values: np.ndarray, unreadable: Sequence[int] = ()) -> None:
        """Write a block, and only then note that it is done.

        Args:
            block: its number.
            values: (rows of the block, D).
            unreadable: positions in the whole table; their rows become NaN.

        Raises:
            DataError: the disk is full.
        """
        span = self._header.span(block)
        rows = np.ascontiguousarray(values, self._header.dtype)
        assert rows.shape == (span.stop - span.start, self._header.dimension), f"block {block} is {rows.shape}"
        rows[np.array(unreadable, np.int64) - span.start] = np.nan
        note = {"block": block, "crc": zlib.crc32(rows.data), "unreadable": [int(position) for position in unreadable]}
        with disk_errors(self._folder):
            with open(self._folder / FEATURES, "r+b") as stream:
                # Written and not mapped: a full disk is an error here, where it would kill a process that maps.
                stream.seek(_offset(stream) + span.start * rows.itemsize * self._header.dimension)
                stream.write(rows.data)
                stream.flush()
                os.fsync(stream.fileno())
            _append_line(self._notes, json.dumps(note))

    def finish(self) -> TableHeader:
        """Say in the header that the table is complete; called once, after all processes have written.

        Raises:
            DataError: blocks are missing.
        """
        if self._header.rows_done == self._header.rows:
            return self._header
        notes = read_progress(self._folder)
        if len(notes) < self._header.num_blocks:
            raise DataError(
                f"{len(notes)} of {self._header.num_blocks} blocks of {self._folder} are written", "all of them",
                "Run the same command again.",
            )  # fmt: skip
        unreadable = tuple(sorted(position for note in notes for position in note["unreadable"]))
        header = replace(self._header, rows_done=self._header.rows, unreadable=unreadable)
        with disk_errors(self._folder):
            write_json(self._folder / HEADER, header.to_json())
            for path in sorted(self._folder.glob(PROGRESS)):
                path.unlink()
        return header


def _offset(stream: Any) -> int:
    np.lib.format.read_magic(stream)
    np.lib.format.read_array_header_1_0(stream)
    return int(stream.tell())


def _append_line(path: Path, line: str) -> None:
    with open(path, "a+b") as stream:
        # A kill may have left half a line without its end.
        if stream.tell():
            stream.seek(-1, os.SEEK_END)
            line = line if stream.read(1) == b"\n" else f"\n{line}"
        stream.write(f"{line}\n".encode("ascii"))
        stream.flush()
        os.fsync(stream.fileno())


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Turn what goes wrong at writing a table into one sentence.

    Raises:
        DataError: instead of an OSError.
    """
    try:
        yield
    except OSError as error:
        full = "Free some space and run the same command again; finished blocks are kept."
        remedy = full if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        raise DataError(f"table {folder} cannot be written ({error.strerror})", "", remedy) from error
