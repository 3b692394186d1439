"""A run that is killed before any of its file operations ends, when it is started again, like one that was not."""

import itertools
import os
import random
import signal
import sys
import traceback
from pathlib import Path

from pipeline.manifest import read_manifest, verify_files
from pipeline.reproducibility import code_state
from pipeline.run_dir import RunDir
from tests.unit.runner.fakes import read_outputs, run_tree

KILLS = 100
FILE_EVENTS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "os.listdir", "os.scandir")


def run_and_die(folder: Path, after: int) -> bool:
    """Run in a forked process that kills itself before its file operation number `after`; return whether it did."""
    process = os.fork()
    if not process:
        counter = itertools.count()

        def count(event: str, arguments: tuple) -> None:
            if event in FILE_EVENTS and next(counter) == after:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        try:
            run_tree(folder)
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(process, 0)
    assert os.WIFSIGNALED(status) or status == 0
    return os.WIFSIGNALED(status)


def count_operations(folder: Path) -> int:
    """Return after how many file operations an undisturbed run is complete, up to a power of two and a quarter."""
    for attempt in range(3, 14):
        for part in (4, 5, 6, 7):
            operations = part * 2**attempt // 4
            if not run_and_die(folder / str(operations), operations):
                return operations
    raise AssertionError("the run does not end")


def assert_current_is_intact(folder: Path) -> None:
    for stage in ("pretrain", "adapt", "score"):
        attempt = RunDir(folder).stage(stage).current()
        if attempt is not None:
            verify_files(attempt, read_manifest(attempt))


def test_a_run_killed_at_any_moment_ends_like_an_uninterrupted_one(tmp_path):
    code_state()
    run_tree(tmp_path / "whole")
    expected = read_outputs(tmp_path / "whole")
    operations = count_operations(tmp_path / "counting")
    moments = random.Random(5)
    killed = 0
    for number in itertools.count():
        if killed >= KILLS:
            break
        # Several kills in one folder: a later one may hit what an earlier one has left.
        folder = tmp_path / f"run{number}"
        for _ in range(4):
            killed += run_and_die(folder, moments.randrange(operations))
            assert_current_is_intact(folder)
        run_tree(folder)
        assert_current_is_intact(folder)
        assert read_outputs(folder) == expected
