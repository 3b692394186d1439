"""Pinhole, outlines and the order of body parts."""

import math
from dataclasses import replace

import numpy as np
import pytest

from datasets.world.body import posed_parts
from datasets.world.cameras import FRAME, make_camera
from datasets.world.domains import NAMED_DOMAINS
from datasets.world.dressing import make_person
from datasets.world.pose import Pose, View
from datasets.world.seeding import generator
from datasets.world.shapes import HALF_TURN, outline_at
from tests.references.world_geometry import ellipse_seen, project_ground_point

FRONT, BACK = View(0.0, 0.1), View(math.pi, 0.1)


def make_walker(number=0, **changes):
    person = make_person(NAMED_DOMAINS["rainy_campus"].people, generator("test", number))
    return replace(person, outfit=replace(person.outfit, **changes))


def order_of(person, view, *, pose=None):
    return [part.surface for part in posed_parts(person, pose or Pose(0.7, 0.4), view)]


@pytest.mark.parametrize("point", [(0.0, 8.0), (2.0, 8.0), (-3.0, 14.0), (1.5, 5.0)])
def test_foot_equals_the_rotation_matrix_pinhole(point):
    camera = make_camera(NAMED_DOMAINS["indoor_mall"].cameras, generator("camera"))
    column, row = camera.foot(*point)
    expected = project_ground_point(point, height=camera.height, pitch=camera.pitch, focal=camera.focal, frame=FRAME)
    # The column neglects that the frame is tilted; people stand near its middle row, where that is nothing.
    assert row == pytest.approx(expected[1], abs=1e-6)
    assert column == pytest.approx(expected[0], abs=0.06 * abs(expected[0] - FRAME[1] / 2) + 1e-9)


def test_nearer_people_are_lower_and_larger_in_the_frame():
    camera = make_camera(NAMED_DOMAINS["sunny_plaza"].cameras, generator("camera"))
    rows = [camera.foot(0.0, distance)[1] for distance in (5.0, 10.0, 20.0)]
    assert rows == sorted(rows, reverse=True)
    assert rows[-1] > camera.horizon
    assert camera.metre(5.0) > camera.metre(10.0) > camera.metre(20.0)


@pytest.mark.parametrize("heading", [0.0, 0.5, math.pi / 2, 2.2, math.pi, 4.5])
def test_outline_of_a_case_equals_walking_around_its_ellipse(heading):
    # The middle of a case is an ellipse with half-axes 1 and 0.52.
    snapped = round(heading / (2 * math.pi) * 64) / 64 * 2 * math.pi
    outline = outline_at("case", heading)
    width, middle = ellipse_seen(1.0, 0.52, snapped)
    row = outline.alpha[outline.alpha.shape[0] // 2, :, 0]
    assert row.sum() / len(row) * outline.scale == pytest.approx(width, abs=0.05)
    assert math.cos(-outline.turn - middle) == pytest.approx(1.0, abs=1e-2)


def test_outline_of_a_limb_is_the_same_from_front_and_back():
    front, back = outline_at("shin", 0.0), outline_at("shin", math.pi)
    np.testing.assert_allclose(front.alpha, back.alpha, atol=1e-6)
    assert abs(back.turn - front.turn) == pytest.approx(math.pi)


def test_outline_columns_stay_in_the_visible_half():
    for shape in ("torso_round", "head", "disc", "purse"):
        columns = outline_at(shape, 1.0).columns
        assert columns.min() >= 0
        assert columns.max() <= HALF_TURN - 1


def test_backpack_is_behind_the_torso_from_the_front_and_before_it_from_the_back():
    person = make_walker(bag="backpack")
    front, back = order_of(person, FRONT), order_of(person, BACK)
    assert front.index("bag") < front.index("torso")
    assert back.index("bag") > back.index("torso")


def test_long_hair_covers_the_face_side_only_from_the_back():
    person = make_walker(hat="none")
    person = replace(person, body=replace(person.body, hair_style="long"))
    front, back = order_of(person, FRONT), order_of(person, BACK)
    assert front.index("hair") < front.index("head")
    assert back.index("hair") > back.index("head")


@pytest.mark.parametrize("number", range(5))
def test_people_stand_on_the_ground_and_are_one_unit_high(number):
    person = make_walker(number, hat="none", bag="none")
    for phase in np.linspace(0, 2 * math.pi, 9):
        parts = posed_parts(person, Pose(float(phase), 0.4), View(math.pi / 2, 0.0))
        feet = [min(part.top[1], part.bottom[1]) for part in parts if part.surface == "shoe"]
        assert -0.03 < min(feet) < 0.05
        assert 0.95 < max(part.top[1] for part in parts) < 1.06


def test_half_a_step_swaps_the_legs():
    person = make_walker(bag="none")
    view = View(math.pi / 2, 0.0)
    knees = [
        sorted(
            round(part.bottom[0], 6) for part in posed_parts(person, Pose(phase, 0.4), view) if part.surface == "thigh"
        )
        for phase in (0.9, 0.9 + math.pi)
    ]
    assert knees[0] == knees[1]


def test_walking_the_other_way_mirrors_the_picture():
    person = make_walker(bag="none")
    right, left = (
        posed_parts(person, Pose(phase, 0.4), View(heading, 0.0))
        for phase, heading in ((0.9, math.pi / 2), (0.9 + math.pi, -math.pi / 2))
    )
    shoes = [sorted(part.bottom[0] for part in parts if part.surface == "shoe") for parts in (right, left)]
    np.testing.assert_allclose(shoes[0], [-x for x in reversed(shoes[1])], atol=1e-9)


def test_a_person_who_stands_has_legs_that_hang_straight_down():
    parts = posed_parts(make_walker(), Pose(0.3, 0.0), View(math.pi / 2, 0.0))
    thighs = [part for part in parts if part.surface == "thigh"]
    assert all(abs(part.top[0] - part.bottom[0]) < 0.03 for part in thighs)
