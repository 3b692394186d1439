"""One piece of work in a child process of its own: seconds, memory before it, and the highest memory during it."""

import gc
import importlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import PipelineError

_ROOT = Path(__file__).resolve().parents[2]
_THREAD_COUNTS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
_MEGABYTE = 1e6
# What a job's name leads to: it prepares and returns the work.
Job = Callable[..., Callable[[], Any]]


@dataclass(frozen=True)
class Cost:
    """What a job took.

    Args:
        wall_seconds: elapsed time of the work, without imports and preparation.
        cpu_seconds: user and system time of the work on all threads, finished child processes included.
        base_megabytes: resident memory when the work began: interpreter, imported libraries, prepared data; 10^6 bytes.
        peak_megabytes: highest resident memory during the work.
        value: what the work returned.
    """

    wall_seconds: float
    cpu_seconds: float
    base_megabytes: float
    peak_megabytes: float
    value: Any

    @property
    def megabytes_above(self) -> float:
        """Return how far memory rose above the base."""
        return max(0.0, self.peak_megabytes - self.base_megabytes)


def measured_child(job: str, *, threads: int = 1, paths: tuple[Path, ...] = (), **arguments: Any) -> Cost:
    """Run a job in a child process and return its cost.

    Args:
        job: 'package.module:function'. The function gets the arguments, prepares (reads or makes data, compiles) and
            returns a function without arguments: only that one is measured.
        threads: threads of the numeric libraries, told by their environment variables.
        paths: folders that the child may import from besides this checkout.
        arguments: of the job; JSON.

    Raises:
        PipelineError: when the child failed; with the last line that it said.
    """
    search = [str(_ROOT), *map(str, paths), os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ,
        **dict.fromkeys(_THREAD_COUNTS, str(threads)),
        "PYTHONPATH": os.pathsep.join(filter(None, search)),
    }
    command = [sys.executable, "-c", "from pipeline.benchmarking.measured_child import main; main()"]
    done = subprocess.run(
        [*command, job, json.dumps(arguments)], capture_output=True, text=True, check=False, env=environment
    )
    if done.returncode:
        said = (done.stderr.strip() or "nothing").splitlines()[-1]
        raise PipelineError(f"the job {job} ended with status {done.returncode} and said: {said}")
    # A job may print as it likes; the cost is the last line.
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Run the job named on the command line, measure it, and write its cost as the last line of standard output."""
    name, arguments = sys.argv[1], json.loads(sys.argv[2])
    module, _, function = name.partition(":")
    job: Job = getattr(importlib.import_module(module), function)
    work = job(**arguments)
    gc.collect()
    base = _resident_memory(reset_peak=True)
    cpu, wall = _cpu_seconds(), time.perf_counter()
    value = work()
    wall, cpu = time.perf_counter() - wall, _cpu_seconds() - cpu
    cost = Cost(wall, cpu, base / _MEGABYTE, _peak_memory() / _MEGABYTE, value)
    sys.stdout.write("\n" + json.dumps(vars(cost)) + "\n")


def _cpu_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _resident_memory(*, reset_peak: bool) -> int:
    """Return the resident bytes, and let the kernel forget the highest so far where it can (Linux)."""
    status = Path("/proc/self/status")
    if not status.exists():
        return _peak_memory()
    if reset_peak:
        # Without this, a preparation that needed more than the work would hide what the work needs.
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _kilobytes(status, "VmRSS") * 1024


def _peak_memory() -> int:
    status = Path("/proc/self/status")
    # getrusage hands on the highest memory of the process that forked this one, so it is the second choice.
    if status.exists():
        return _kilobytes(status, "VmHWM") * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _kilobytes(status: Path, field: str) -> int:
    lines = status.read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))
