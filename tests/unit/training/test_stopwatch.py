"""Where a step's time goes stands in its row; outside of a loop nothing is measured."""

import time

import pytest
import torch

from pipeline.training.loop import LoopHooks, run_steps
from pipeline.training.mode_defaults import STUDENT_TERMS, TEACHER_TERMS
from pipeline.training.peak_memory import peak_memory
from pipeline.training.phases import MODES
from pipeline.training.progress import Progress
from pipeline.training.progressive import ProgressiveTask
from pipeline.training.stopwatch import stopwatch, timed
from tests.unit.training.make_parts import make_batches, make_side


def test_sections_add_up_and_start_anew():
    with stopwatch() as watch:
        for _ in range(2):
            with timed("forward"):
                time.sleep(0.002)
        with timed("update"):
            pass
        first, second = watch.take(), watch.take()
    assert set(first) == {"forward", "update", "total"}
    assert 0.004 <= first["forward"] <= first["total"]
    assert set(second) == {"total"}


def test_nothing_is_measured_where_no_stopwatch_runs():
    with stopwatch() as watch:
        pass
    with timed("forward"):
        pass
    assert set(watch.take()) == {"total"}


def test_rows_of_both_networks_tell_all_sections():
    task = ProgressiveTask(
        teacher=make_side(TEACHER_TERMS["joint"], 1), student=make_side(STUDENT_TERMS["joint"], 2),
        phase=MODES["joint"][0], device=torch.device("cpu"), total_steps=2,
    )  # fmt: skip
    rows = []
    run_steps(
        task, (make_batches(step) for step in range(2)), start=0, stop=2,
        hooks=LoopHooks(log=rows.append, save=lambda step: None, log_every=1), progress=Progress("test", total=2),
    )  # fmt: skip
    for row in rows:
        seconds = dict(row["seconds"])
        assert set(seconds) == {"data", "forward", "backward", "update", "total"}
        assert seconds.pop("total") >= sum(seconds.values()) - 1e-5
        assert row["peak_megabytes"]["process"] > 1


@pytest.mark.cuda
def test_work_on_cuda_is_timed_by_its_own_clock():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    rows = torch.randn(4096, 4096, device="cuda")
    with stopwatch() as watch:
        with timed("forward", "cuda"):
            for _ in range(20):
                rows = rows @ rows / 64
        assert watch.take()["forward"] > 0
    assert peak_memory("cuda")["cuda"] > 3 * 4096**2 * 4 / 1e6 - 100
