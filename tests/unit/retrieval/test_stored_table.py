import errno
import json
import os

import numpy as np
import pytest

from pipeline.errors import DataError
from pipeline.retrieval import table_start, table_writer
from pipeline.retrieval.feature_rows import read_feature_rows
from pipeline.retrieval.origin import Origin
from pipeline.retrieval.stored_table import TableHeader, open_table, read_progress
from pipeline.retrieval.table_start import begin_table
from pipeline.retrieval.table_writer import TableWriter
from tests.unit.retrieval.make_rows import DIMENSION, make_features, make_names

ROWS, BLOCK = 25, 10


def make_header(**changes) -> TableHeader:
    values = {
        "rows": ROWS, "dimension": DIMENSION, "dtype": "float32", "block": BLOCK, "origin": Origin("m", "d"),
        "settings": {"batch": 5},
    }  # fmt: skip
    return TableHeader(**{**values, **changes})


def make_table(folder, *, blocks=(0, 1, 2), finish=True, **changes):
    header = begin_table(folder, make_header(**changes), make_names(ROWS))
    writer, rows = TableWriter(folder), make_features(ROWS)
    for block in blocks:
        writer.write(block, rows[header.span(block)])
    if finish:
        writer.finish()
    return writer


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_what_was_written_is_what_is_mapped(tmp_path, dtype):
    make_table(tmp_path / "t", blocks=(2, 0, 1), dtype=dtype)
    table = open_table(tmp_path / "t")
    np.testing.assert_array_equal(table.features, make_features(ROWS).astype(dtype))
    assert isinstance(table.features, np.memmap)
    assert table.header.rows_done == ROWS
    assert table.readable.tolist() == list(range(ROWS))
    assert sorted(path.name for path in (tmp_path / "t").iterdir()) == ["features.npy", "names.npy", "table.json"]


def test_any_program_reads_the_features(tmp_path):
    make_table(tmp_path / "t")
    np.testing.assert_array_equal(np.load(tmp_path / "t" / "features.npy"), make_features(ROWS))


def test_unreadable_rows_are_nan_are_listed_and_are_left_out_by_who_reads_features(tmp_path):
    writer = make_table(tmp_path / "t", blocks=(0, 2), finish=False)
    writer.write(1, make_features(ROWS)[10:20], [12, 19])
    writer.finish()
    table = open_table(tmp_path / "t")
    assert table.header.unreadable == (12, 19)
    assert np.flatnonzero(np.isnan(table.features).any(axis=1)).tolist() == [12, 19]
    rows = read_feature_rows(tmp_path / "t", part="gallery")
    kept = [i for i in range(ROWS) if i not in (12, 19)]
    np.testing.assert_array_equal(rows.take(np.arange(len(rows))), make_features(ROWS)[kept])
    assert [name.decode()[6:10] for name in rows.names["name"]] == [f"{i:04d}" for i in kept]
    assert rows.origin == Origin("m", "d")


def test_only_what_is_missing_is_pending(tmp_path):
    make_table(tmp_path / "t", blocks=(1,), finish=False)
    begin_table(tmp_path / "t", make_header(), make_names(ROWS))
    assert TableWriter(tmp_path / "t").pending() == [0, 2]
    make_table(tmp_path / "t", blocks=(0, 2))
    assert TableWriter(tmp_path / "t").pending() == []
    assert TableWriter(tmp_path / "t").finish().rows_done == ROWS


def test_notes_of_several_processes_count_together(tmp_path):
    header = begin_table(tmp_path / "t", make_header(), make_names(ROWS))
    rows = make_features(ROWS)
    for rank, blocks in enumerate([(0, 2), (1,)]):
        writer = TableWriter(tmp_path / "t", rank=rank)
        for block in blocks:
            writer.write(block, rows[header.span(block)])
    assert TableWriter(tmp_path / "t").pending() == []
    TableWriter(tmp_path / "t").finish()
    np.testing.assert_array_equal(open_table(tmp_path / "t").features, rows)


def test_a_torn_note_is_a_block_to_be_written_again(tmp_path):
    make_table(tmp_path / "t", blocks=(0, 1), finish=False)
    notes = tmp_path / "t" / "progress-0000.jsonl"
    notes.write_bytes(notes.read_bytes()[:-15])
    assert TableWriter(tmp_path / "t").pending() == [1, 2]
    # What is noted next must not run into the torn line.
    make_table(tmp_path / "t", blocks=(1,), finish=False)
    assert [note["block"] for note in read_progress(tmp_path / "t")] == [0, 1]


def test_bytes_that_are_not_what_was_noted_are_written_again(tmp_path, caplog):
    make_table(tmp_path / "t", blocks=(0, 1, 2), finish=False)
    content = bytearray((tmp_path / "t" / "features.npy").read_bytes())
    content[-1] ^= 1
    (tmp_path / "t" / "features.npy").write_bytes(content)
    assert TableWriter(tmp_path / "t").pending() == [2]
    assert "block 2 of" in caplog.text


def test_a_table_is_not_finished_before_all_blocks_are_written(tmp_path):
    with pytest.raises(DataError, match="2 of 3 blocks"):
        make_table(tmp_path / "t", blocks=(0, 2))


def test_an_unfinished_table_says_how_far_it_is(tmp_path):
    make_table(tmp_path / "t", blocks=(0, 2), finish=False)
    with pytest.raises(DataError, match="has 15 of 25 rows; expected a complete table"):
        open_table(tmp_path / "t")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"origin": Origin("other", "d")}, "made from another model"),
        ({"origin": Origin("m", "other")}, "made from other images"),
        ({"origin": Origin("m", "d", is_standardised=True)}, "made from other camera statistics"),
        ({"settings": {"batch": 6}}, "begun with batch 5, now it is 6"),
        ({"dtype": "float16"}, "begun with dtype float32, now it is float16"),
        ({"dtype": "float64"}, "table of float64; expected one of float32, float16"),
    ],
)
@pytest.mark.parametrize("finish", [True, False])
def test_a_table_of_something_else_is_refused_and_kept(tmp_path, changes, message, finish):
    make_table(tmp_path / "t", finish=finish)
    before = [path.read_bytes() for path in sorted((tmp_path / "t").iterdir())]
    with pytest.raises(DataError, match=message):
        begin_table(tmp_path / "t", make_header(**changes), make_names(ROWS))
    assert [path.read_bytes() for path in sorted((tmp_path / "t").iterdir())] == before


def test_a_folder_of_other_files_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match=r"holds notes\.txt; expected an empty folder"):
        begin_table(tmp_path, make_header(), make_names(ROWS))


def test_a_kill_before_the_header_is_a_new_beginning(tmp_path):
    (tmp_path / "features.npy").write_bytes(b"half")
    (tmp_path / ".tmp-table.json-1-ab").write_bytes(b"{")
    make_table(tmp_path)
    np.testing.assert_array_equal(open_table(tmp_path).features, make_features(ROWS))


@pytest.mark.parametrize("where", ["beginning", "middle"])
def test_a_full_disk_is_one_sentence(tmp_path, monkeypatch, where):
    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    writer = make_table(tmp_path / "t", blocks=(0,), finish=False) if where == "middle" else None
    monkeypatch.setattr(table_start.os, "posix_fallocate", full, raising=False)
    monkeypatch.setattr(table_writer, "_append_line", full)
    with pytest.raises(DataError, match=r"No space left on device\)\. Free some space.*finished blocks are kept"):
        make_table(tmp_path / "t") if writer is None else writer.write(1, make_features(ROWS)[10:20])
    monkeypatch.undo()
    # With space again the same command goes on.
    make_table(tmp_path / "t", blocks=(0, 1, 2))
    np.testing.assert_array_equal(open_table(tmp_path / "t").features, make_features(ROWS))


def spoil_header(folder):
    (folder / "table.json").write_text("[]")


def spoil_schema(folder):
    (folder / "table.json").write_text(json.dumps({"schema": 2}))


def spoil_features(folder):
    path = folder / "features.npy"
    path.write_bytes(path.read_bytes()[:-40])


def spoil_shape(folder):
    np.save(folder / "features.npy", np.zeros((3, 3), np.float32))


def spoil_names(folder):
    np.save(folder / "names.npy", make_names(3))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_header, "header of table .* is damaged"),
        (spoil_schema, "not of schema 1"),
        (spoil_features, "features.npy cannot be read"),
        (spoil_shape, r"features.npy is \(3, 3\) of float32; expected \(25, 16\)"),
        (spoil_names, "names.npy has 3 entries"),
    ],
)
def test_a_damaged_table_is_one_sentence(tmp_path, spoil, message):
    make_table(tmp_path / "t")
    spoil(tmp_path / "t")
    with pytest.raises(DataError, match=message):
        open_table(tmp_path / "t")


def test_no_table_is_one_sentence(tmp_path):
    with pytest.raises(DataError, match=r"holds no table of embeddings.*tools/extract\.py"):
        open_table(tmp_path)
