"""Training that is killed at any moment and started again ends with the same weights, bit for bit."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KILLS = 100


def test_a_hundred_kills_change_no_bit(tmp_path):
    words = [sys.executable, "-m", "tests.smoke.killing", str(tmp_path), str(KILLS)]
    alone = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(words, cwd=ROOT, env=alone, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["killed"] >= KILLS
    assert seen["continued"] > 0, "no kill hit a stage after its beginning"
