"""One frame of one camera: a pure function of a moment and a size."""

import numpy as np

from datasets.world.draw import Light, draw_person
from datasets.world.frames.moment import Moment, Standing
from datasets.world.frames.place import empty_street, lamp_light
from datasets.world.frames.screen import Screen
from datasets.world.frames.street import Street
from datasets.world.frames.things import cut_out
from datasets.world.frames.weather import draw_weather
from datasets.world.photometry import develop, expose
from datasets.world.seeding import generator
from datasets.world.shadows import draw_shadow

_SUPERSAMPLING = 1.25


def render_frame(moment: Moment, size: tuple[int, int]) -> np.ndarray:
    """Draw the frame of a moment.

    Args:
        moment: who stands where.
        size: height and width, pixels.

    Returns:
        (H, W, 3) uint8 RGB, the same for the same arguments.
    """
    street = moment.street
    screen = Screen(max(1, round(_SUPERSAMPLING * size[0])), max(1, round(_SUPERSAMPLING * size[1])))
    rng = generator(street.domain.name, street.seed, "frame", street.number, round(1000 * moment.seconds))
    canvas = empty_street(street, screen).copy()
    sun = Light(street.eye.azimuth, street.eye.direct)
    for item in moment.items:
        if not isinstance(item, Standing):
            cut_out(street, item, screen).paste(canvas, haze=street.haze(item.distance), veil=street.veil)
            continue
        box = item.box(screen)
        if screen.is_near(box, 0.2):
            draw_shadow(canvas, box, sun)
            draw_person(canvas, item.who, item.pose, box=box, view=item.view, light=street.light(item.distance))
    if (lamps := lamp_light(street, screen)) is not None:
        canvas *= lamps
    draw_weather(canvas, street.traits.weather, rng)
    exposure = _exposure(street, moment.seconds)
    image = expose(canvas, street.optics, exposure)
    return develop(image, street.optics, size=size, rows=size[0], rng=rng)


def _exposure(street: Street, seconds: float) -> float:
    """Return the light of a moment; clouds and automatic cameras change it slowly."""
    key = (street.domain.name, street.seed, "exposure", street.number)
    step, part = divmod(seconds / 20.0, 1.0)
    before, after = (generator(*key, int(step) + ahead).normal(0.0, 0.07) for ahead in (0, 1))
    return float(np.exp(before + (after - before) * part))
