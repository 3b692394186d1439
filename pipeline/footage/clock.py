"""The time of each frame of a recording, from timestamps that may be absent, go back, or jump."""

from collections import Counter

# A longer gap inside one file is a broken timestamp; cameras that film movement alone leave gaps of hours.
MAX_GAP_SECONDS = 24 * 3600.0
# Further back than this is a new count, not a pair of frames in the wrong order.
_SMALL_STEP_BACK_SECONDS = 1.0
_FAULT = "timestamp that does not fit"


class FrameClock:
    """Turns timestamps into seconds since a recording's first frame that always grow.

    Args:
        interval: seconds between two frames where no timestamp says otherwise.
        faults: counts the timestamps that could not be followed.
    """

    def __init__(self, interval: float, faults: Counter[str]) -> None:
        self._interval, self._faults = interval, faults
        self._origin: float | None = None
        self._last, self._is_begun = 0.0, False

    def seconds(self, stamp: float | None) -> float:
        """Return the time of the next frame.

        Args:
            stamp: what the file says, in seconds on a count of its own; None where it says nothing.
        """
        if not self._is_begun:
            self._is_begun, self._origin = True, stamp
            return self._last
        if self._origin is None and stamp is not None:
            # Only frames without a stamp came before, and a stream's count begins anywhere.
            self._origin = stamp - self._last - self._interval
        if stamp is None or self._origin is None:
            self._last += self._interval
            return self._last
        step = stamp - self._origin - self._last
        if 0.0 < step <= MAX_GAP_SECONDS:
            self._last += step
        elif -_SMALL_STEP_BACK_SECONDS <= step <= 0.0:
            # Half of an interval, so that the frames after it need not be late as well.
            self._faults[_FAULT] += 1
            self._last += self._interval / 2
        else:
            self._faults[_FAULT] += 1
            self._last += self._interval
            self._origin = stamp - self._last
        return self._last
