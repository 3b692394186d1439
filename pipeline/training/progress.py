"""Progress for people: tqdm on a terminal, a line now and then elsewhere, always with the time left."""

import logging
import sys
import time

from tqdm import tqdm

from pipeline import distributed

logger = logging.getLogger(__name__)


class Progress:
    """Counts steps and says how far the work is.

    Args:
        title: what is being done.
        total: number of steps.
        start: steps done before (a resumed stage).
        every_seconds: shortest time between two lines where there is no terminal.
    """

    def __init__(self, title: str, *, total: int, start: int = 0, every_seconds: float = 10.0) -> None:
        self.title, self.total, self.every_seconds = title, total, every_seconds
        self._start, self._done, self._began = start, start, time.monotonic()
        self._last_line = self._began
        is_shown = distributed.rank() == 0
        self._bar = None
        if is_shown and sys.stderr.isatty():
            self._bar = tqdm(total=total, initial=start, desc=title, unit="step", leave=False, dynamic_ncols=True)
        self._writes_lines = is_shown and self._bar is None

    def advance(self, note: str = "") -> None:
        """Count one step; `note` is shown beside it."""
        self._done += 1
        if self._bar is not None:
            self._bar.set_postfix_str(note, refresh=False)
            self._bar.update(1)
            return
        now = time.monotonic()
        if self._writes_lines and (now - self._last_line >= self.every_seconds or self._done == self.total):
            self._last_line = now
            rate = (self._done - self._start) / max(1e-9, now - self._began)
            left = (self.total - self._done) / max(1e-9, rate)
            logger.info(
                "%s: %d/%d steps, %s left%s",
                self.title,
                self._done,
                self.total,
                readable(left),
                f", {note}" if note else "",
            )

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()


def readable(seconds: float) -> str:
    """Return seconds as people say them: '42 s', '3 min 05 s', '2 h 10 min'."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
