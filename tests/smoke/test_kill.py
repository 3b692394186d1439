"""Training, and the way from footage to models, end with the same files, bit for bit, when killed at any moment."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def kill_often(folder, kills, scene):
    words = [sys.executable, "-m", "tests.smoke.killing", str(folder), str(kills), scene]
    alone = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(words, cwd=ROOT, env=alone, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["killed"] >= kills
    assert seen["continued"] > 0, "no kill hit a stage after its beginning"
    return seen


def test_a_hundred_kills_change_no_bit(tmp_path):
    kill_often(tmp_path, 100, "training")


def test_adapting_to_footage_goes_on_after_kills(tmp_path):
    assert kill_often(tmp_path, 8, "adaptation")["in"], "no kill hit a run that was not finished"
