"""Chooses a bounded number of moments from a stream of unknown length: spread over time, those with movement first."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

# Less of the picture than this is noise or a leaf: 14 pixels of a thumbnail of 160 x 90.
STILL = 0.001


@dataclass(frozen=True)
class Moment:
    """A moment that may be chosen.

    Args:
        seconds: when it was.
        motion: share of the picture that moved, 0..1.
        number: of the frame.
        content: whatever belongs to it; not looked at.
    """

    seconds: float
    motion: float
    number: int
    content: Any = field(compare=False, default=None)


class SpreadChoice:
    """Keeps at most so many moments while they come, in the order of time.

    Of the moments in one interval the one with most movement is kept. Where there is one too many, a still one goes
    first; else, of the two neighbours that are nearest in time, the one with less movement. What is kept depends on the
    stream alone, and memory on the number kept.

    Args:
        limit: most moments kept.
        interval: seconds; no two are kept of one interval.
        kept: moments that were kept earlier, to go on with.
    """

    def __init__(self, limit: int, interval: float, kept: list[Moment] | None = None) -> None:
        self._limit, self._interval = limit, interval
        self._kept: list[Moment] = list(kept or [])

    @property
    def moments(self) -> list[Moment]:
        """Return what is kept, in the order of time."""
        return list(self._kept)

    def wants(self, seconds: float, motion: float) -> bool:
        """Return whether this moment would be kept for now, so that its content need not be made in vain."""
        if self._shares_interval(seconds):
            return motion > self._kept[-1].motion
        is_full = len(self._kept) >= self._limit
        return not (is_full and motion < STILL and all(moment.motion >= STILL for moment in self._kept))

    def offer(self, moment: Moment) -> None:
        """Take a moment in, later than all before; one that is not wanted changes nothing."""
        if not self.wants(moment.seconds, moment.motion):
            return
        if self._shares_interval(moment.seconds):
            self._kept[-1] = moment
            return
        self._kept.append(moment)
        if len(self._kept) > self._limit:
            del self._kept[self._superfluous()]

    def _slot(self, seconds: float) -> int:
        return int(np.floor(seconds / self._interval))

    def _shares_interval(self, seconds: float) -> bool:
        return bool(self._kept) and self._slot(self._kept[-1].seconds) == self._slot(seconds)

    def _superfluous(self) -> int:
        """Return the position of the moment that is missed least."""
        still = [i for i, moment in enumerate(self._kept) if moment.motion < STILL]
        pool = still or list(range(len(self._kept)))
        if len(pool) == 1:
            return pool[0]
        slots = np.array([self._slot(self._kept[i].seconds) for i in pool])
        nearest = int(np.argmin(np.diff(slots)))
        one, other = pool[nearest], pool[nearest + 1]
        return one if self._kept[one].motion < self._kept[other].motion else other
