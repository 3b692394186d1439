"""One moment of a street: who stands where on the picture, in the order of painting."""

from collections.abc import Sequence
from dataclasses import dataclass

from datasets.world.draw import Box
from datasets.world.frames.screen import Screen
from datasets.world.frames.street import Street
from datasets.world.frames.things import Thing, things_of
from datasets.world.frames.walkers import Walker, view_heading, walkers_at
from datasets.world.passage import person_of
from datasets.world.people import Person
from datasets.world.pose import Pose, View

_BEFORE_WALL = 0.97


@dataclass(frozen=True)
class Standing:
    """A person at one moment.

    Args:
        number: of the person.
        who: the person.
        distance: metres from the camera.
        pose: of the moment.
        view: from where the camera sees the person.
        foot: column and row of the point on the ground, pixels of the full frame.
        tall: height of the upright body, pixels of the full frame.
    """

    number: int
    who: Person
    distance: float
    pose: Pose
    view: View
    foot: tuple[float, float]
    tall: float

    def box(self, screen: Screen) -> Box:
        """Return (left, top, right, bottom) of the upright body on a picture."""
        column, row = screen.point(*self.foot)
        tall = self.tall * screen.scale
        return column - tall / 4, row - tall, column + tall / 4, row


@dataclass(frozen=True)
class Moment:
    """Everything that is painted over the empty street.

    Args:
        street: what the camera looks at.
        seconds: the time.
        items: people and things, the farthest first.
    """

    street: Street
    seconds: float
    items: tuple[Standing | Thing, ...]


def moment_of(street: Street, split: str, seconds: float) -> Moment:
    """Return who stands where.

    Args:
        street: what the camera looks at.
        split: "train" or "test"; each has its own people.
        seconds: the time.
    """
    return moment_with(street, walkers_at(street, split, seconds), seconds)


def moment_with(street: Street, walkers: Sequence[Walker], seconds: float) -> Moment:
    """Return where certain people stand.

    Args:
        street: what the camera looks at.
        walkers: who is on the way, in view or not.
        seconds: the time.
    """
    people = []
    for walker in walkers:
        across, distance = walker.place_at(seconds)
        if not is_before_wall(street, distance):
            continue
        pose, heading = walker.pose_at(seconds)
        who = person_of(street.domain, street.seed, walker.person)
        view = View(view_heading(heading, (across, distance)), street.eye.elevation(distance))
        foot = street.eye.foot(across, distance)
        tall = who.body.height * street.eye.metre(distance)
        people.append(Standing(walker.person, who, distance, pose, view, foot, tall))
    items: list[Standing | Thing] = [*people, *things_of(street)]
    return Moment(street, seconds, tuple(sorted(items, key=lambda item: (-item.distance, item.number))))


def is_before_wall(street: Street, distance: float) -> bool:
    """Return whether somebody at a distance can be seen: neither under the camera nor behind the wall."""
    return 0.5 * street.eye.near < distance < _BEFORE_WALL * street.wall
