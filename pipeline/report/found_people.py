"""What a page of a person search shows, as plain values."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

# Seconds since 1970 are larger; those since the first recording began are smaller.
_DATES_BEGIN = 1e8


@dataclass(frozen=True)
class FoundTracklet:
    """One tracklet that may show the person looked for.

    Args:
        name: of the tracklet.
        camera: of the camera.
        span: first and last second.
        distance: to the query, small = close.
        image: (H, W, 3) uint8 RGB, its crop that is nearest to the query.
        verdict: True = the same person, False = somebody else, None = nobody says.
    """

    name: str
    camera: str
    span: tuple[float, float]
    distance: float
    image: np.ndarray
    verdict: bool | None


@dataclass(frozen=True)
class SoughtPerson:
    """One person looked for.

    Args:
        label: what to write under the query.
        image: (H, W, 3) uint8 RGB of the query.
        found: tracklets by camera, nearest first.
        own: camera and span of the query's own tracklet, or None for a picture from elsewhere.
    """

    label: str
    image: np.ndarray
    found: dict[str, tuple[FoundTracklet, ...]]
    own: tuple[str, tuple[float, float]] | None = None

    @property
    def ranked(self) -> list[FoundTracklet]:
        """Return what was found before all cameras, nearest first."""
        return sorted((one for row in self.found.values() for one in row), key=lambda one: (one.distance, one.name))


def clock_text(seconds: float) -> str:
    """Return a time as people read it: of a date where the clock knows one, else since the clock's zero.

    Args:
        seconds: since 1970, or since the first recording began.
    """
    if seconds >= _DATES_BEGIN:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
    sign, whole = ("-" if seconds < 0 else ""), abs(seconds)
    hours, rest = divmod(round(whole), 3600)
    minutes, left = divmod(rest, 60)
    return f"{sign}{hours}:{minutes:02d}:{left:02d}" if hours else f"{sign}{minutes}:{left:02d}"
