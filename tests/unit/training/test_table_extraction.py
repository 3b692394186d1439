import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import DataError, LockedError
from pipeline.models.camera_statistics import fit_camera_statistics
from pipeline.retrieval.stored_table import open_table
from pipeline.training import table_extraction
from pipeline.training.extraction import extract_embeddings
from pipeline.training.table_extraction import TablePlan, extract_table
from tests.references.extraction import loop_embeddings
from tests.unit.training.make_parts import make_crops, make_model

ROOT = Path(__file__).resolve().parents[3]
PLAN = TablePlan(batch=3, workers=2)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(table_extraction, "_ROWS_A_BLOCK", 6)


def make_data(**options):
    return make_crops(labelled=False, **options).cache.data


def extract(folder, *, data=None, seed=0, plan=PLAN, **options):
    return extract_table(make_model(seed), data or make_data(), folder, digest=f"model-{seed}", plan=plan, **options)


def bytes_of(folder):
    return (folder / "features.npy").read_bytes()


@pytest.mark.parametrize("flip", [True, False])
def test_rows_equal_the_loop_over_single_crops(tmp_path, flip):
    table = extract(tmp_path / "t", plan=replace(PLAN, flip=flip))
    expected = loop_embeddings(make_model().eval(), make_data(), flip=flip)
    # Convolutions of a batch and of one image add in another order.
    np.testing.assert_allclose(table.features, expected, rtol=1e-4, atol=1e-5)
    assert table.header.origin.model == "model-0"
    assert table.header.origin.data == "made-0"
    assert table.names["camera"].tolist() == [b"1", b"2"] * 12


def test_the_table_holds_the_bits_that_extraction_into_memory_returns(tmp_path):
    crops = make_crops(labelled=False)
    expected = extract_embeddings(make_model(), crops, batch=3)
    np.testing.assert_array_equal(extract(tmp_path / "t").features, expected)
    on_demand = replace(crops, cache=replace(crops.cache, pixels=None))
    np.testing.assert_array_equal(extract_embeddings(make_model(), on_demand, batch=3), expected)


def test_the_network_is_left_in_its_mode(tmp_path):
    model = make_model()
    for mode in (True, False):
        model.train(mode)
        extract_table(model, make_data(), tmp_path / f"{mode}", digest="x", plan=PLAN)
        assert model.training is mode


def test_statistics_standardise_by_the_cameras_of_the_images(tmp_path):
    crops = make_crops(labelled=False)
    plain = extract(tmp_path / "plain").features
    statistics = fit_camera_statistics(np.array(plain), crops.cameras, names=("1", "2"))
    table = extract(tmp_path / "t", statistics=statistics)
    np.testing.assert_array_equal(table.features, statistics.standardise(np.array(plain), crops.cameras))
    assert table.header.origin.is_standardised


class StopError(Exception):
    pass


@pytest.mark.parametrize("stop_at", [0, 1, 7, 13, 22])
def test_an_interrupted_extraction_ends_with_the_same_bits(tmp_path, stop_at):
    extract(tmp_path / "whole")
    data, decoded = make_data(), []

    def load(sample):
        decoded.append(sample)
        if len(decoded) > stop_at:
            raise StopError
        return data.load(sample)

    with pytest.raises(StopError):
        extract(tmp_path / "t", data=replace(data, load=load), plan=replace(PLAN, workers=0))
    with pytest.raises(DataError, match=r"has \d+ of 24 rows"):
        open_table(tmp_path / "t")
    decoded.clear()
    table = extract(tmp_path / "t", data=replace(data, load=lambda sample: decoded.append(sample) or data.load(sample)))
    assert bytes_of(tmp_path / "t") == bytes_of(tmp_path / "whole")
    assert table.header.rows_done == 24
    # A block is written when its last batch is there, and the one before it is fetched while the next is decoded.
    assert len(decoded) <= 24 - max(0, stop_at - 3) // 6 * 6


def test_a_killed_process_leaves_a_table_that_is_gone_on_with(tmp_path):
    program = f"""
import os, signal
from pathlib import Path
from tests.unit.training.test_table_extraction import *
table_extraction._ROWS_A_BLOCK = 6
write = table_extraction.TableWriter.write
def killed(self, block, *rest):
    if block == 2:
        with open({str(tmp_path / "t" / "features.npy")!r}, "r+b") as stream:
            stream.seek(-240, 2)
            stream.write(b"half of a block")
        os.kill(os.getpid(), signal.SIGKILL)
    write(self, block, *rest)
table_extraction.TableWriter.write = killed
extract(Path({str(tmp_path / "t")!r}))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False
    )
    assert done.returncode == -signal.SIGKILL
    with pytest.raises(DataError, match="has 12 of 24 rows"):
        open_table(tmp_path / "t")
    extract(tmp_path / "t")
    extract(tmp_path / "whole")
    assert bytes_of(tmp_path / "t") == bytes_of(tmp_path / "whole")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 1}, "made from another model"),
        ({"data": make_data(seed=1)}, "made from other images"),
        ({"plan": replace(PLAN, batch=6)}, "begun with batch 3, now it is 6"),
        ({"plan": replace(PLAN, dtype="float16")}, "begun with dtype float32"),
    ],
)
def test_a_stale_table_is_refused(tmp_path, change, message):
    extract(tmp_path / "t")
    with pytest.raises(DataError, match=message):
        extract(tmp_path / "t", **change)


def test_number_of_threads_changes_nothing(tmp_path):
    for workers in (0, 1, 4):
        extract(tmp_path / f"{workers}", plan=replace(PLAN, workers=workers))
    assert bytes_of(tmp_path / "0") == bytes_of(tmp_path / "1") == bytes_of(tmp_path / "4")


def broken_data(positions):
    data = make_data()

    def load(sample):
        if data.samples.index(sample) in positions:
            raise DataError(f"cannot read image {sample.path}")
        return data.load(sample)

    return replace(data, load=load)


def test_bad_images_are_empty_rows_and_change_no_other(tmp_path):
    whole = extract(tmp_path / "whole").features
    table = extract(tmp_path / "t", data=broken_data({4, 23}))
    assert table.header.unreadable == (4, 23)
    assert np.isnan(table.features[[4, 23]]).all()
    np.testing.assert_array_equal(table.features[table.readable], whole[table.readable])


def test_too_many_bad_images_are_an_error(tmp_path):
    with pytest.raises(
        DataError, match=r"5 of 24 images of made cannot be read: cannot read image 001.png.*at most 20%"
    ):
        extract(tmp_path / "t", data=broken_data({1, 2, 3, 4, 5}))


def test_numbers_that_half_precision_cannot_hold_name_the_image(tmp_path):
    model = make_model()
    model.neck.bn.weight.data.fill_(1e7)
    with pytest.raises(DataError, match=r"embedding of 000\.png is not finite as float16"):
        extract_table(model, make_data(), tmp_path / "t", digest="x", plan=replace(PLAN, dtype="float16"))


@pytest.mark.parametrize("amp", ["bf16", "fp16"])
def test_half_precision_is_near_the_full_one(tmp_path, amp):
    full = extract(tmp_path / "full").features
    precision = type(PLAN.precision)(amp=amp)
    half = extract(tmp_path / amp, plan=replace(PLAN, precision=precision, dtype="float16")).features
    assert half.dtype == np.float16
    assert np.abs(half - full).max() < 0.05 * np.abs(full).max()


def test_a_second_writer_is_refused(tmp_path):
    from filelock import FileLock

    with FileLock(tmp_path / ".lock"), pytest.raises(LockedError, match="being written by another process"):
        extract(tmp_path)


@pytest.mark.cuda
def test_cuda_gives_the_rows_of_the_cpu(tmp_path):
    import torch

    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    on_cpu = extract(tmp_path / "cpu").features
    table = extract_table(make_model().to("cuda"), make_data(), tmp_path / "cuda", digest="x", plan=PLAN)
    # Other kernels add in another order.
    np.testing.assert_allclose(table.features, on_cpu, rtol=1e-3, atol=1e-4)
