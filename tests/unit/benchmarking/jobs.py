"""Jobs that the tests of the measuring run in child processes."""

import sys

import numpy as np


def fill_job(*, prepared: int, dropped: int, worked: int):
    """Keep and drop megabytes in the preparation, then fill megabytes in the work."""
    kept = np.ones(prepared * 10**6, dtype=np.uint8)
    np.ones(dropped * 10**6, dtype=np.uint8)

    def work():
        sys.stdout.write("a job may print\n")
        return int(np.ones(worked * 10**6, dtype=np.uint8)[-1]) + int(kept[0])

    return work


def broken_job():
    """Fail while preparing."""
    raise ValueError("nothing to prepare")
