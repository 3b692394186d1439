"""Kill a real training run at random moments, resume it, and compare; a program of its own, because it forks.

A process may only be forked safely while no library keeps threads, so torch and OpenCV get one thread before their
first operation, no CUDA device is used, and the program does nothing but this.
"""

import json
import logging
import os
import random
import signal
import sys
import time
from pathlib import Path

import cv2
import torch

from pipeline.manifest import read_manifest, verify_files
from pipeline.reproducibility import code_state
from pipeline.run_dir import RunDir
from tests.smoke.tiny import attempt_of, make_tree, manifest_of, only, run_tree, weights_of

STAGES = ("pretrain", "adapt")
IN_ONE_FOLDER = 5


def make_killed_tree() -> dict:
    """Return a run that leaves a resume point after each step."""
    tree = make_tree(init=None, steps=2, rounds=2)
    tree["stages"]["pretrain"]["steps"] = 3
    tree["runtime"] |= {"checkpoint_every_steps": 1}
    return only(tree, *STAGES)


def start(folder: Path) -> int:
    """Run in a forked process and return its number."""
    sys.stdout.flush()
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        run_tree(make_killed_tree(), folder)
        code = 0
    finally:
        os._exit(code)


def finish(folder: Path) -> float:
    """Run to the end and return the seconds that it took."""
    began = time.monotonic()
    _, status = os.waitpid(start(folder), 0)
    assert status == 0, f"the run in {folder} failed with status {status}"
    return time.monotonic() - began


def kill(folder: Path, seconds: float) -> bool:
    """Run and kill after a time; return whether the run was still going on."""
    process = start(folder)
    time.sleep(seconds)
    os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    assert os.WIFSIGNALED(status) or status == 0, f"the run in {folder} failed with status {status}"
    return os.WIFSIGNALED(status)


def check_current(folder: Path) -> int:
    """Return the number of committed stages; each one's files are verified."""
    intact = 0
    for stage in STAGES:
        attempt = RunDir(folder).stage(stage).current()
        if attempt is not None:
            verify_files(attempt, read_manifest(attempt))
            intact += 1
    return intact


def main(folder: Path, kills: int) -> dict[str, int]:
    """Kill so often, and return what was seen."""
    torch.set_num_threads(1)
    logging.disable(logging.CRITICAL)
    os.fsync = lambda descriptor: None  # protects from power cuts, which no test can bring about
    cv2.setNumThreads(0)
    code_state()
    # In this very process, so that the forked ones find everything imported and the pictures drawn.
    run_tree(make_killed_tree(), folder / "whole")
    duration = finish(folder / "again")
    expected = weights_of(folder / "whole", *STAGES)
    assert weights_of(folder / "again", *STAGES) == expected
    moments = random.Random(7)
    seen = {"killed": 0, "folders": 0, "continued": 0, "intact": 0}
    while seen["killed"] < kills:
        run = folder / f"run{seen['folders']}"
        for _ in range(IN_ONE_FOLDER):
            is_killed = kill(run, moments.uniform(0.0, duration))
            seen["killed"] += is_killed
            seen["intact"] += check_current(run)
            # The machine's load changes, and later kills in one folder meet a run of which less is left.
            duration *= 1.03 if is_killed else 0.8
            if not is_killed:
                break
        finish(run)
        assert check_current(run) == len(STAGES)
        assert weights_of(run, *STAGES) == expected, f"other weights in {run}"
        seen["continued"] += sum(manifest_of(run, stage)["run"]["continued"] for stage in STAGES)
        assert not list(attempt_of(run, "adapt").glob("resume/*"))
        seen["folders"] += 1
    return seen


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]))) + "\n")
