"""From when to when somebody who walks past a camera is in its view."""

from typing import NamedTuple

import numpy as np

from datasets.world.cameras import FRAME
from datasets.world.frames.moment import is_before_wall
from datasets.world.frames.screen import Screen
from datasets.world.frames.street import Street
from datasets.world.frames.walkers import Walker

_STEP, _REACH_SECONDS = 0.25, 35.0
_TALL = 1.75
_FULL = Screen(*FRAME)


class Sight(NamedTuple):
    """When somebody is in view.

    Args:
        enters: first second, within a quarter.
        leaves: last second, within a quarter.
        is_whole: whether the way leads into the picture and out of it, over its border or at the far wall; otherwise
            somebody would appear or vanish before everybody's eyes.
    """

    enters: float
    leaves: float
    is_whole: bool


def sight_of(street: Street, walker: Walker) -> Sight | None:
    """Return when a walker is in view; None for one whom the camera never sees.

    Args:
        street: what the camera looks at.
        walker: the way.
    """
    reach = np.arange(walker.time - _REACH_SECONDS, walker.time + walker.pause + _REACH_SECONDS, _STEP).tolist()
    seen = [second for second in reach if _is_seen(street, walker, second)]
    if not seen:
        return None
    before, after = seen[0] - _STEP, seen[-1] + _STEP
    is_whole = before > reach[0] and after < reach[-1]
    return Sight(seen[0], seen[-1], is_whole and not any(_is_underfoot(street, walker, end) for end in (before, after)))


def _is_seen(street: Street, walker: Walker, second: float) -> bool:
    across, distance = walker.place_at(second)
    return is_before_wall(street, distance) and _is_on_picture(street, across, distance)


def _is_underfoot(street: Street, walker: Walker, second: float) -> bool:
    """Return whether somebody is too near to be drawn but not yet out of the picture."""
    across, distance = walker.place_at(second)
    return distance < street.middle and _is_on_picture(street, across, distance)


def _is_on_picture(street: Street, across: float, distance: float) -> bool:
    """Return whether any of a body at a place falls on the full frame."""
    column, row = street.eye.foot(across, distance)
    tall = _TALL * street.eye.metre(distance)
    return _FULL.is_near((column - tall / 4, row - tall, column + tall / 4, row))
