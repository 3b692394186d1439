"""One of two processes is lost: the other stops soon with one sentence, and both together resume bit for bit."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.smoke.killing_ranks import TIMEOUT

ROOT = Path(__file__).resolve().parents[2]
# Loaded machines are slow to give up, but not by a minute.
SLOW = 40.0


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    words = [sys.executable, "-m", "tests.smoke.killing_ranks", str(tmp_path_factory.mktemp("ranks"))]
    alone = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(words, cwd=ROOT, env=alone, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("how", ["killed", "silent"])
def test_the_other_process_stops_with_a_sentence(seen, how):
    found = seen[how]
    assert found["code"] == 2, found["said"]
    assert found["seconds"] < TIMEOUT + SLOW
    told = [line for line in found["said"] if line.startswith("error: ")]
    assert told == found["said"][-1:], "no traceback"
    assert told[0].startswith("error: process 0 of 2 has lost the others (")
    assert told[0].endswith("). Look for what stopped first; the same command resumes from the newest resume point.")


@pytest.mark.parametrize("how", ["killed", "silent"])
def test_both_resume_to_the_same_weights(seen, how):
    assert seen[how]["again"] == 0
    assert seen[how]["continued"]
    assert seen[how]["same"]
