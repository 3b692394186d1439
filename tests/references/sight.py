"""When somebody is in a camera's view, by looking at every twentieth of a second."""

from math import atan, atan2, cos, hypot, sin, tan

_ROWS, _COLUMNS = 540, 960


def seconds_in_view(street, walker):
    """Return the seconds in which any of a body 1.75 m tall falls on the full frame."""
    eye = street.eye
    pitch = atan((eye.height - 0.9) / ((eye.near + eye.far) / 2))
    found = []
    for step in range(int((70 + walker.pause) * 20)):
        second = walker.time - 35 + step / 20
        since = second - walker.time
        walking = since if since < 0 else max(0.0, since - walker.pause)
        way = 3.2 * walker.stride * walking
        across, distance = walker.across + way * sin(walker.heading), walker.distance - way * cos(walker.heading)
        if distance <= 0.5 * eye.near or distance >= 0.97 * street.wall:
            continue
        foot = _ROWS / 2 + eye.focal * tan(atan2(eye.height, distance) - pitch)
        tall = 1.75 * eye.focal / hypot(eye.height - 0.9, distance)
        middle = _COLUMNS / 2 + eye.focal * across / hypot(eye.height, distance)
        if middle - tall / 4 < _COLUMNS and middle + tall / 4 > 0 and foot - tall < _ROWS and foot > 0:
            found.append(second)
    return found
