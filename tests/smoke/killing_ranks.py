"""Lose one of two processes of a real training run, resume both, and compare; a program of its own, because it forks.

As in `killing`, torch and OpenCV get one thread before their first operation, and nothing else happens here.
"""

import json
import logging
import os
import signal
import socket
import sys
import time
from pathlib import Path

import cv2
import torch

from pipeline.reproducibility import code_state
from pipeline.training.supervised import SupervisedTask
from tests.smoke.tiny import make_tree, manifest_of, only, run_command, run_tree, weights_of

STAGE, STEPS, LOST_AT, TIMEOUT = "pretrain", 5, 3, 3.0


def make_short_tree() -> dict:
    """Return a training that leaves a resume point after each step and gives the other process up soon."""
    tree = only(make_tree(), STAGE)
    tree["stages"][STAGE]["steps"] = STEPS
    tree["runtime"] |= {"checkpoint_every_steps": 1, "timeout_seconds": TIMEOUT}
    return tree


def start(folder: Path, rank: int, port: int, lost_by: int | None) -> int:
    """Run one of two ranks in a forked process, and return its number.

    Args:
        folder: of the run.
        rank: 0 or 1.
        port: where the ranks meet.
        lost_by: signal that the rank sends itself in the middle.
    """
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        os.dup2(os.open(f"{folder}-{rank}.err", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
        if lost_by is not None:
            lose(lost_by)
        # The two ranks write files of their own names beside the run; that of the run is rank 0's.
        code = run_command(make_short_tree(), folder)
    finally:
        os._exit(code)


def lose(by: int) -> None:
    """Let this process send itself a signal when it comes to a step."""
    step = SupervisedTask.step

    def lost(task: SupervisedTask, batches: dict, number: int) -> object:
        if number == LOST_AT:
            os.kill(os.getpid(), by)
        return step(task, batches, number)

    SupervisedTask.step = lost  # type: ignore[assignment]


def run_both(folder: Path, lost_by: int | None = None) -> tuple[int, float]:
    """Run two ranks; return the first one's exit code, and the seconds that it went on after the second was lost."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    first, second = (start(folder, rank, port, lost_by if rank else None) for rank in (0, 1))
    began = time.monotonic()
    if lost_by is not None:
        os.waitpid(second, os.WUNTRACED)
        began = time.monotonic()
    code = os.waitstatus_to_exitcode(os.waitpid(first, 0)[1])
    seconds = time.monotonic() - began
    if lost_by == signal.SIGSTOP:
        os.kill(second, signal.SIGKILL)
    if lost_by != signal.SIGKILL:
        os.waitpid(second, 0)
    return code, seconds


def main(folder: Path) -> dict[str, dict]:
    """Lose the second rank by a kill and by silence, and return what was seen each time."""
    torch.set_num_threads(1)
    logging.disable(logging.CRITICAL)
    cv2.setNumThreads(0)
    code_state()
    # In this very process, so that the forked ones find everything imported and the pictures drawn.
    run_tree(make_short_tree(), folder / "alone")
    assert run_both(folder / "whole")[0] == 0
    seen = {}
    for name, by in {"killed": signal.SIGKILL, "silent": signal.SIGSTOP}.items():
        run = folder / name
        code, seconds = run_both(run, by)
        said = Path(f"{run}-0.err").read_text().splitlines()
        again = run_both(run)[0]
        seen[name] = {
            "code": code, "seconds": seconds, "said": said, "again": again,
            "continued": manifest_of(run, STAGE)["run"]["continued"],
            "same": weights_of(run, STAGE) == weights_of(folder / "whole", STAGE),
        }  # fmt: skip
    return seen


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]))) + "\n")
