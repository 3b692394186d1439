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
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import torch

from pipeline.atomic_files import sha256_of_file
from pipeline.manifest import read_manifest, verify_files
from pipeline.reproducibility import code_state
from pipeline.run_dir import RunDir
from tests.smoke.tiny import attempt_of, make_tree, manifest_of, only, run_tree, weights_of
from tests.smoke.tiny_footage import find_posts, make_models_tree, write_footage

IN_ONE_FOLDER = 5


@dataclass(frozen=True)
class Scene:
    """What is killed: a program that writes a run into a folder, and the stages whose files are compared."""

    run: Callable[[Path], None]
    stages: tuple[str, ...]


def make_killed_tree() -> dict:
    """Return a run that leaves a resume point after each step."""
    tree = make_tree(init=None, steps=2, rounds=2)
    tree["stages"]["pretrain"]["steps"] = 3
    tree["runtime"] |= {"checkpoint_every_steps": 1}
    return only(tree, "pretrain", "adapt")


def make_training(folder: Path) -> Scene:
    """Return a training of two stages."""
    return Scene(lambda run: run_tree(make_killed_tree(), run), ("pretrain", "adapt"))


def make_adaptation(folder: Path) -> Scene:
    """Return the command from footage to adapted models, with a detector that needs no learning to find posts."""
    from stages import track_people
    from tools import adapt

    models = folder / "models"
    wanted = ("pretrain", "direct", "adapt", "ceiling", "teach", "alone", "distil", "limit")
    run_tree(only(make_models_tree(), *wanted), models)
    footage = write_footage(folder / "footage", people=6, frames=144)
    track_people.find_in_images = find_posts  # type: ignore[assignment]
    settings = (
        "stages.frames.per_camera=4", "stages.frames.interval=0.2", "stages.frames.rate=5", "stages.people.rate=10",
        "stages.people.stretch=4", "stages.people.judged=3", "runtime.checkpoint_every_steps=1",
    )  # fmt: skip
    words = ["--footage", str(footage), "--models", str(models)]
    words += [word for text in settings for word in ("--set", text)]

    def run(out: Path) -> None:
        assert adapt.main([*words, "--out", str(out)]) == 0

    return Scene(run, ("frames", "distil", "people", "adapt"))


SCENES = {"training": make_training, "adaptation": make_adaptation}


def start(scene: Scene, folder: Path) -> int:
    """Run in a forked process and return its number."""
    sys.stdout.flush()
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        scene.run(folder)
        code = 0
    finally:
        os._exit(code)


def finish(scene: Scene, folder: Path) -> float:
    """Run to the end and return the seconds that it took."""
    began = time.monotonic()
    _, status = os.waitpid(start(scene, folder), 0)
    assert status == 0, f"the run in {folder} failed with status {status}"
    return time.monotonic() - began


def kill(scene: Scene, folder: Path, seconds: float) -> bool:
    """Run and kill after a time; return whether the run was still going on."""
    process = start(scene, folder)
    time.sleep(seconds)
    os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    assert os.WIFSIGNALED(status) or status == 0, f"the run in {folder} failed with status {status}"
    return os.WIFSIGNALED(status)


def check_current(scene: Scene, folder: Path) -> int:
    """Return the number of committed stages; each one's files are verified."""
    intact = 0
    for stage in scene.stages:
        attempt = RunDir(folder).stage(stage).current()
        if attempt is not None:
            verify_files(attempt, read_manifest(attempt))
            intact += 1
    return intact


def files_of(scene: Scene, folder: Path) -> dict[str, str]:
    """Return the digest of every file that a stage hands over, of weights and of folders of crops."""
    found = dict(weights_of(folder, *(stage for stage in scene.stages if stage not in ("frames", "people"))))
    for stage in {"frames", "people"} & set(scene.stages):
        root = attempt_of(folder, stage)
        pictures = sorted(path for path in root.rglob("*") if path.suffix in (".jpg", ".csv"))
        found |= {f"{stage}/{path.relative_to(root)}": sha256_of_file(path) for path in pictures}
    return found


def main(folder: Path, kills: int, name: str) -> dict[str, Any]:
    """Kill so often, and return what was seen."""
    torch.set_num_threads(1)
    logging.disable(logging.CRITICAL)
    os.fsync = lambda descriptor: None  # protects from power cuts, which no test can bring about
    cv2.setNumThreads(0)
    code_state()
    scene = SCENES[name](folder)
    # In this very process, so that the forked ones find everything imported and the pictures drawn.
    scene.run(folder / "whole")
    duration = finish(scene, folder / "again")
    expected = files_of(scene, folder / "whole")
    assert files_of(scene, folder / "again") == expected
    moments = random.Random(7)
    seen: dict[str, Any] = {"killed": 0, "folders": 0, "continued": 0, "intact": 0, "in": []}
    while seen["killed"] < kills:
        run = folder / f"run{seen['folders']}"
        for _ in range(IN_ONE_FOLDER):
            is_killed = kill(scene, run, moments.uniform(0.0, duration))
            seen["killed"] += is_killed
            done = check_current(scene, run)
            seen["intact"] += done
            seen["in"] += [scene.stages[done]] if is_killed and done < len(scene.stages) else []
            # The machine's load changes, and later kills in one folder meet a run of which less is left.
            duration *= 1.03 if is_killed else 0.8
            if not is_killed:
                break
        finish(scene, run)
        assert check_current(scene, run) == len(scene.stages)
        assert files_of(scene, run) == expected, f"other files in {run}"
        seen["continued"] += sum(manifest_of(run, stage)["run"]["continued"] for stage in scene.stages)
        assert not list(attempt_of(run, "adapt").glob("resume/*"))
        seen["folders"] += 1
    return seen


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])) + "\n")
