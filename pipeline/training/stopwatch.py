"""Where the time of a training step goes: waiting for data, forward, backward, update."""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch

_Events = tuple[str, torch.cuda.Event, torch.cuda.Event]
_running: ContextVar["Stopwatch | None"] = ContextVar("stopwatch", default=None)


class Stopwatch:
    """Seconds by name of a section; sections do not lie inside each other.

    Work on CUDA is timed by events on its stream, so that measuring never waits for the device.
    """

    def __init__(self) -> None:
        self._seconds: dict[str, float] = defaultdict(float)
        self._events: list[_Events] = []
        self._since = time.perf_counter()

    def add(self, name: str, seconds: float) -> None:
        """Count seconds that were measured elsewhere."""
        self._seconds[name] += seconds

    def add_events(self, name: str, start: torch.cuda.Event, end: torch.cuda.Event) -> None:
        """Count the time between two events of the device, once it is known.

        Args:
            name: of the section.
            start: recorded before.
            end: recorded after.
        """
        self._events.append((name, start, end))

    def take(self) -> dict[str, float]:
        """Return the seconds of each section, and `total` of the clock, since the last call or the beginning."""
        for name, start, end in self._events:
            end.synchronize()
            self._seconds[name] += start.elapsed_time(end) / 1000.0
        self._events.clear()
        now = time.perf_counter()
        taken = {name: round(seconds, 6) for name, seconds in {**self._seconds, "total": now - self._since}.items()}
        self._seconds.clear()
        self._since = now
        return taken


@contextmanager
def stopwatch() -> Iterator[Stopwatch]:
    """Measure the sections that are passed while the context is open."""
    watch = Stopwatch()
    token = _running.set(watch)
    try:
        yield watch
    finally:
        _running.reset(token)


@contextmanager
def timed(name: str, device: str = "cpu") -> Iterator[None]:
    """Count the body as a section; does nothing where no stopwatch runs.

    Args:
        name: of the section.
        device: where the body computes, 'cpu' or 'cuda'.
    """
    watch = _running.get()
    if watch is None:
        yield
    elif device == "cuda":
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        yield
        end.record()
        watch.add_events(name, start, end)
    else:
        began = time.perf_counter()
        yield
        watch.add(name, time.perf_counter() - began)
