"""Two processes write the table that one writes, and what one left two go on with."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.training import table_extraction
from tests.distributed.two_extractions import PLAN
from tests.unit.training.make_parts import make_crops, make_model

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(table_extraction, "_ROWS_A_BLOCK", 6)


def extract(folder):
    data = make_crops(labelled=False).cache.data
    table_extraction.extract_table(make_model(), data, folder, digest="m", plan=PLAN)


@pytest.mark.usefixtures("small_blocks")
def test_two_processes_go_on_with_what_one_began(tmp_path, monkeypatch):
    extract(tmp_path / "alone")
    write = table_extraction.TableWriter.write

    def interrupted(writer, block, *rest):
        if block == 1:
            raise KeyboardInterrupt
        write(writer, block, *rest)

    monkeypatch.setattr(table_extraction.TableWriter, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        extract(tmp_path / "table")
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.distributed.two_extractions", str(rank), str(tmp_path)], cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}, stderr=subprocess.PIPE, text=True,
        )
        for rank in (0, 1)
    ]  # fmt: skip
    errors = [process.communicate(timeout=200)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], errors
    for name in ("features.npy", "names.npy", "table.json"):
        assert (tmp_path / "table" / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()
