"""How boxes move: a constant-velocity Kalman filter whose noise grows with the time that passes, not with frames.

Centre, aspect and height of a box move independently of each other, so the filter of eight numbers falls apart into
four of two numbers each (where, how fast), which needs no matrix at all.
"""

from dataclasses import dataclass

import numpy as np

# Deviations as shares of a box's height, per second: those that the references give per frame, at 30 frames a second.
_FRAMES_A_SECOND = 30.0
_PLACE, _SPEED = 1 / 20, 1 / 160 * _FRAMES_A_SECOND
_ASPECT_MEASURED, _ASPECT_DRIFT, _ASPECT_SPEED = 1e-1, 1e-2, 1e-5 * _FRAMES_A_SECOND
_FIRST_PLACE, _FIRST_SPEED = 2.0, 10.0  # a new track is so many times less certain
_MARGIN, _MOST_MARGIN = 0.5, 0.5


@dataclass(frozen=True)
class Motion:
    """Where N tracks are and how they move; each of the four coordinates for itself.

    Args:
        place: (N, 4) float64: x and y of the centre, width / height, height; in pixels but for the aspect.
        speed: (N, 4) change of `place` per second.
        spread: (N, 4, 3) variance of the place, covariance of place and speed, variance of the speed.
        scale: (N,) height of the last box that was seen, which all deviations are shares of.
    """

    place: np.ndarray
    speed: np.ndarray
    spread: np.ndarray
    scale: np.ndarray

    def take(self, rows: np.ndarray) -> "Motion":
        """Return some of the tracks, by their positions or by a mask."""
        return Motion(self.place[rows], self.speed[rows], self.spread[rows], self.scale[rows])

    def put(self, rows: np.ndarray, others: "Motion") -> "Motion":
        """Return the tracks with some of them replaced.

        Args:
            rows: positions or a mask of those that are replaced.
            others: what takes their places, in the same order.
        """
        fields = {name: getattr(self, name).copy() for name in ("place", "speed", "spread", "scale")}
        for name, column in fields.items():
            column[rows] = getattr(others, name)
        return Motion(**fields)

    def join(self, others: "Motion") -> "Motion":
        """Return these tracks and behind them the others."""
        fields = ("place", "speed", "spread", "scale")
        return Motion(*(np.concatenate([getattr(self, name), getattr(others, name)]) for name in fields))


def begin(boxes: np.ndarray) -> Motion:
    """Return the motion of boxes that were seen once: standing, at an uncertain speed.

    Args:
        boxes: (N, 4) xyxy with area.
    """
    place = places(boxes)
    scale = place[:, 3]
    spread = np.zeros((len(place), 4, 3))
    spread[:, :, 0] = _deviations(scale, _FIRST_PLACE * _PLACE, _ASPECT_DRIFT) ** 2
    spread[:, :, 2] = _deviations(scale, _FIRST_SPEED * _SPEED, _ASPECT_SPEED) ** 2
    return Motion(place, np.zeros_like(place), spread, scale)


def advance(motion: Motion, seconds: float) -> Motion:
    """Return the motion after some time without a look; two steps are the same as one over both times.

    place += t speed; the variances grow by the integral of a drift of the place and of the speed over t.

    Args:
        motion: before.
        seconds: time that passes, at least 0.

    Reference:
        Wojke et al., Simple Online and Realtime Tracking with a Deep Association Metric, ICIP 2017, for the deviations.
        Ours differs: they are given per second, and the noise is integrated over the time between two frames.
    """
    drift = _deviations(motion.scale, _PLACE, _ASPECT_DRIFT) ** 2 * _FRAMES_A_SECOND
    turn = _deviations(motion.scale, _SPEED, _ASPECT_SPEED) ** 2 * _FRAMES_A_SECOND
    here, both, fast = np.moveaxis(motion.spread, 2, 0)
    spread = [
        here + 2 * seconds * both + seconds**2 * fast + seconds * drift + seconds**3 / 3 * turn,
        both + seconds * fast + seconds**2 / 2 * turn,
        fast + seconds * turn,
    ]
    place = motion.place + seconds * motion.speed
    return Motion(place, motion.speed, np.stack(spread, axis=2), motion.scale)


def correct(motion: Motion, boxes: np.ndarray) -> Motion:
    """Return the motion after a look: the mean of what was expected and what is seen, weighted by certainty.

    Args:
        motion: of N tracks at the time of the look.
        boxes: (N, 4) xyxy with area, one for each track.
    """
    seen = places(boxes)
    here, both, fast = np.moveaxis(motion.spread, 2, 0)
    noise = _deviations(motion.scale, _PLACE, _ASPECT_MEASURED) ** 2
    gain, pull = here / (here + noise), both / (here + noise)
    surprise = seen - motion.place
    spread = np.stack([here * (1 - gain), both * (1 - gain), fast - pull * both], axis=2)
    return Motion(motion.place + gain * surprise, motion.speed + pull * surprise, spread, seen[:, 3])


def places(boxes: np.ndarray) -> np.ndarray:
    """Return (N, 4) float64 x and y of the centre, width / height, and height of (N, 4) xyxy boxes."""
    x1, y1, x2, y2 = boxes.astype(np.float64).T
    return np.stack([(x1 + x2) / 2, (y1 + y2) / 2, (x2 - x1) / (y2 - y1), y2 - y1], axis=1)


def boxes_of(motion: Motion) -> np.ndarray:
    """Return the (N, 4) xyxy boxes in which the tracks are expected; an expected side of less than 0 counts as 0."""
    x, y, aspect, height = motion.place.T
    height = np.maximum(height, 0.0)
    width = np.maximum(aspect, 0.0) * height
    return np.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], axis=1)


def margins(motion: Motion) -> np.ndarray:
    """Return (N,) pixels by which the tracks' places are uncertain: half a deviation, at most half a height.

    In a new track, and after a long time without a look, somebody may have walked past the edge of the expected box.
    """
    found: np.ndarray = np.minimum(_MARGIN * np.sqrt(motion.spread[:, 0, 0]), _MOST_MARGIN * motion.scale)
    return found


def _deviations(scale: np.ndarray, share: float, aspect: float) -> np.ndarray:
    """Return (N, 4) standard deviations: shares of the height, and a fixed one of the aspect."""
    found: np.ndarray = scale[:, None] * np.array([share, share, 0.0, share]) + np.array([0.0, 0.0, aspect, 0.0])
    return found
