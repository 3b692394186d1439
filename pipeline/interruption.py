"""Turns the two things that stop a healthy run, a request to stop and a full disk, into errors with a way out."""

import errno
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from pipeline.errors import PipelineError

_FULL = (errno.ENOSPC, errno.EDQUOT)


class RunInterrupted(PipelineError):  # noqa: N818 - nobody made a mistake
    """The user or the system asked the run to stop."""


@contextmanager
def terminate_like_interrupt() -> Iterator[None]:
    """Treat SIGTERM, which schedulers send, like Ctrl-C while the body runs."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    owner = os.getpid()

    def interrupt(signum: int, frame: FrameType | None) -> None:
        if os.getpid() != owner:
            # A forked data worker inherits the handler, but has nothing to save.
            os._exit(128 + signum)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def disk_full_in_words(place: Path) -> Iterator[None]:
    """Say what to do when the disk is full.

    Args:
        place: named where the error itself names no file.

    Raises:
        PipelineError: the body failed because there was no space left.
    """
    try:
        yield
    except PipelineError:
        raise
    except Exception as error:
        # Native writers (safetensors) pass the system's message on in exceptions of their own.
        if getattr(error, "errno", None) not in _FULL and "No space left on device" not in str(error):
            raise
        raise PipelineError(
            f"disk full while writing {getattr(error, 'filename', None) or place}",
            "",
            "Free space and run the same command again; nothing committed is lost",
        ) from error
