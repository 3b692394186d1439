"""What can be seen of a person from which side, and what cameras do to it."""

import math
from dataclasses import replace

import numpy as np
import pytest

from datasets.world.cameras import make_camera
from datasets.world.domains import NAMED_DOMAINS
from datasets.world.draw import Light, draw_person
from datasets.world.dressing import make_person
from datasets.world.fabric import COLUMNS, back, front, patterned, strap
from datasets.world.photometry import colour_matrix, develop, expose
from datasets.world.pose import Pose, View
from datasets.world.seeding import generator

GREEN, RED, BLUE = (0.1, 0.9, 0.1), (0.9, 0.1, 0.1), (0.1, 0.1, 0.9)
LIGHT = Light(0.0, 0.0)


def make_plain_person(**changes):
    person = make_person(NAMED_DOMAINS["sunny_plaza"].people, generator("plain"))
    body = replace(person.body, hair_style="short", beard=False)
    dull = (0.3, 0.3, 0.3)
    names = ("upper_colour", "second_colour", "inner_colour", "lower_colour", "stripe_colour", "shoe_colour",
             "sole_colour", "hat_colour", "bag_colour")  # fmt: skip
    plain = dict.fromkeys(names, dull) | {"upper": "sweater", "lower": "trousers", "pattern": "plain", "hat": "none"}
    outfit = replace(person.outfit, **(plain | {"bag": "none", "is_open": False, "scarf_colour": None} | changes))
    return replace(person, body=body, outfit=outfit)


def make_picture(person, heading, *, box=(30, 10, 98, 246)):
    canvas = np.full((256, 128, 3), 0.5, np.float32)
    draw_person(canvas, person, Pose(1.0, 0.3), box=box, view=View(heading, 0.1), light=LIGHT)
    return canvas


def share(picture, colour):
    """Return the share of pixels of about a hue, in any light."""
    strong = int(np.argmax(colour))
    others = np.delete(picture, strong, axis=2).max(axis=2)
    return float((picture[..., strong] > others + 0.25).mean())


def test_print_on_the_chest_is_seen_from_the_front_only():
    person = make_plain_person(pattern="chest_print", second_colour=GREEN)
    assert share(make_picture(person, 0.0), GREEN) > 0.005
    assert share(make_picture(person, math.pi), GREEN) == 0.0


def test_print_on_the_back_is_seen_from_the_back_only():
    person = make_plain_person(pattern="back_print", second_colour=BLUE)
    assert share(make_picture(person, 0.0), BLUE) == 0.0
    assert share(make_picture(person, math.pi), BLUE) > 0.005


def test_backpack_shows_its_straps_from_the_front_and_all_of_it_from_the_back():
    person = make_plain_person(bag="backpack", bag_colour=GREEN)
    from_front, from_back = (share(make_picture(person, heading), GREEN) for heading in (0.0, math.pi))
    assert 0.0 < from_front < from_back / 2


def test_shirt_in_an_open_jacket_is_hidden_from_the_back():
    person = make_plain_person(upper="jacket", is_open=True, inner_colour=RED)
    assert share(make_picture(person, 0.0), RED) > 0.01
    # Nothing but the lips of the face is red, and those look forward.
    assert share(make_picture(person, math.pi), RED) == 0.0


def test_bag_at_the_side_is_wider_from_its_side_than_from_the_front():
    person = make_plain_person(bag="messenger", bag_colour=GREEN, bag_side=1)
    # The left side looks to the camera at a heading of -90 degrees.
    assert share(make_picture(person, -math.pi / 2), GREEN) > share(make_picture(person, math.pi / 2), GREEN)


def test_a_picture_scales_with_its_box_and_stays_in_it():
    person = make_plain_person()
    changed = np.abs(make_picture(person, 0.5) - 0.5).max(axis=2) > 0.02
    rows = np.flatnonzero(changed.any(axis=1))
    assert 5 <= rows[0] <= 16
    assert 238 <= rows[-1] <= 254
    small = np.abs(make_picture(person, 0.5, box=(47, 128, 81, 246)) - 0.5).max(axis=2) > 0.02
    assert small.sum() == pytest.approx(changed.sum() / 4, rel=0.15)


def test_a_person_outside_the_canvas_leaves_it_alone():
    canvas = np.full((64, 32, 3), 0.5, np.float32)
    box = (500.0, 500.0, 550.0, 700.0)
    draw_person(canvas, make_plain_person(), Pose(0.0, 0.3), box=box, view=View(0.0, 0.0), light=LIGHT)
    assert (canvas == 0.5).all()


def test_light_from_the_right_brightens_the_right():
    person, canvas = make_plain_person(), np.full((256, 128, 3), 0.5, np.float32)
    light = Light(math.pi / 2, 0.6)
    draw_person(canvas, person, Pose(0.0, 0.0), box=(30, 10, 98, 246), view=View(0.0, 0.0), light=light)
    assert canvas[70:110, 66:76].mean() > canvas[70:110, 52:62].mean()


def test_strap_runs_down_to_its_side_in_front_and_behind():
    mask = strap(40, 1)
    angle_left, angle_right = COLUMNS * 3 // 4, COLUMNS // 4
    assert np.flatnonzero(mask[:, angle_left]).mean() > np.flatnonzero(mask[:, angle_right]).mean()
    # A plane cuts the body at one height for equal distances to the left, whether in front or behind.
    np.testing.assert_array_equal(mask[:, COLUMNS // 2 + 5], mask[:, COLUMNS - 1 - 5])


def test_front_and_back_do_not_overlap():
    assert not (front(1.0) & back(1.0)).any()
    assert front(1.0).sum() == back(1.0).sum()


def test_plain_cloth_has_one_colour_and_rings_are_level():
    rng = generator("cloth")
    assert np.ptp(patterned(24, "plain", (RED, BLUE), rng), axis=(0, 1)).max() == 0
    rings = patterned(24, "rings", (RED, BLUE), rng)
    assert np.ptp(rings, axis=1).max() == 0
    assert len(np.unique(rings[:, 0, 0])) == 2


def make_optics(**changes):
    optics = make_camera(NAMED_DOMAINS["sunny_plaza"].cameras, generator("optics")).optics
    neutral = {"light": 1.0, "warmth": 0.0, "tint": 0.0, "gamma": 1.0, "contrast": 1.0, "saturation": 1.0, "haze": 0.0,
               "defocus": 0.0, "motion": 0.0, "noise": 0.0, "jpeg": 100.0}  # fmt: skip
    return replace(optics, **(neutral | changes))


def test_neutral_optics_change_nothing():
    np.testing.assert_allclose(colour_matrix(make_optics(), 1.0), np.eye(3, 4), atol=1e-12)
    canvas = generator("canvas").random((8, 6, 3), dtype=np.float32)
    assert np.abs(expose(canvas, make_optics(), 1.0) - 255.0 * canvas).max() <= 0.51


def test_full_haze_is_the_veil():
    picture = expose(np.zeros((4, 4, 3), np.float32), make_optics(haze=1.0, veil=0.5), 1.0)
    assert np.abs(picture.astype(int) - 127.5).max() <= 1


def test_no_saturation_is_grey_and_warmth_moves_red_over_blue():
    canvas = generator("canvas").random((8, 6, 3), dtype=np.float32)
    grey = expose(canvas, make_optics(saturation=0.0), 1.0).astype(int)
    assert np.ptp(grey, axis=2).max() <= 1
    warm = expose(np.full((2, 2, 3), 0.5, np.float32), make_optics(warmth=1.0), 1.0)[0, 0].astype(int)
    assert warm[0] > warm[1] > warm[2]


def test_develop_keeps_size_adds_the_noise_asked_for_and_loses_detail():
    grey = np.full((166, 83, 3), 128, np.uint8)
    noisy = develop(grey, make_optics(noise=0.04), size=(128, 64), rows=128, rng=generator("noise"))
    assert noisy.shape == (128, 64, 3)
    # Compression keeps the noise of brightness, in which the three channels partly cancel.
    luma = np.array((0.299, 0.587, 0.114))
    assert (noisy @ luma).std() == pytest.approx(0.04 * 255 * np.linalg.norm(luma), rel=0.15)
    stripes = np.zeros((128, 64, 3), np.uint8)
    stripes[::4] = stripes[1::4] = 255
    sharp, coarse = (
        develop(stripes, make_optics(), size=(128, 64), rows=rows, rng=generator("stripes")) for rows in (128, 24)
    )
    assert coarse.std() < sharp.std() / 2
