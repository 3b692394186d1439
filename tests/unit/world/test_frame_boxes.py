"""Boxes of street frames against masks that were painted in colour and counted pixel by pixel."""

import numpy as np
import pytest

from datasets.world.domains import domain_by_name
from datasets.world.draw import Light, cover_person, draw_person
from datasets.world.frames.boxes import DISTANT, HIDDEN, LEAST_HEIGHT, LEAST_TRACE, LEAST_VISIBLE, PEDESTRIAN, boxes_of
from datasets.world.frames.moment import Moment, Standing, moment_of
from datasets.world.frames.reader import read_world_frames
from datasets.world.frames.screen import Screen
from datasets.world.frames.sprite import Sprite, overlap
from datasets.world.frames.street import make_street
from datasets.world.frames.things import FIGURES, FURNITURE, Thing, cut_out
from datasets.world.passage import person_of
from datasets.world.pose import Pose, View
from tests.references.frame_boxes import boxes_by_pixels

ROWS, COLUMNS, MARGIN = 384, 640, 400
STREET = make_street(domain_by_name("random-2"), 1, 1)


def painted_pixels(item, screen):
    """Paint an item on black and on white, with room around the picture; what differs is not covered."""
    shape = (screen.rows + 2 * MARGIN, screen.columns + 2 * MARGIN, 3)
    black, white = np.zeros(shape, np.float32), np.ones(shape, np.float32)
    for canvas in (black, white):
        if isinstance(item, Thing):
            sprite = cut_out(STREET, item, screen)
            moved = Sprite(sprite.paint, sprite.left + MARGIN, sprite.top + MARGIN)
            moved.paste(canvas, haze=0.0, veil=np.zeros(3, np.float32))
            continue
        box = tuple(value + MARGIN for value in item.box(screen))
        draw_person(canvas, item.who, item.pose, box=box, view=item.view, light=Light(0.0, 0.0))
    cover = 1.0 - (white - black).mean(axis=2)
    return {(int(column) - MARGIN, int(row) - MARGIN) for row, column in np.argwhere(cover > 0.5)}


def make_standing(*, column=480.0, row=400.0, distance=9.0, tall=200.0, number=1):
    who = person_of(STREET.domain, 1, number)
    return Standing(number, who, distance, Pose(0.4, 0.4), View(0.5, 0.2), (column, row), tall)


def make_moment(*items):
    return Moment(STREET, 0.0, tuple(sorted(items, key=lambda item: -item.distance)))


def boxes_near(first, second):
    return np.abs(np.array(first, float) - np.array(second, float)).max() <= 1.0


def test_boxes_and_ratios_equal_those_of_the_slow_twin():
    screen = Screen(ROWS, COLUMNS)
    compared = 0
    for seconds in (18.0, 150.0):
        moment = moment_of(STREET, "train", seconds)
        items = [item for item in moment.items if isinstance(item, Thing) or screen.is_near(item.box(screen), 0.2)]
        expected = boxes_by_pixels([painted_pixels(item, screen) for item in items], (ROWS, COLUMNS))
        marks = boxes_of(moment, (ROWS, COLUMNS))
        by_person = {int(person): index for index, person in enumerate(marks.person_ids) if person >= 0}
        for item, (full, visible, ratio) in zip(items, expected, strict=True):
            if isinstance(item, Thing) or ratio < LEAST_TRACE + 0.01:
                continue
            index = by_person[item.number]
            assert boxes_near(marks.boxes[index], full)
            assert boxes_near(marks.visible[index], visible)
            assert marks.visible_ratio[index] == pytest.approx(ratio, abs=0.02)
            compared += 1
    assert compared >= 8


def test_what_is_painted_is_what_is_covered():
    canvas, cover = np.zeros((120, 90, 3), np.float32), np.zeros((120, 90), np.float32)
    who, pose, view = person_of(STREET.domain, 1, 5), Pose(1.0, 0.4), View(0.8, 0.3)
    box = (20.0, 10.0, 70.0, 110.0)
    cover_person(cover, who, pose, box=box, view=view)
    white = np.ones_like(canvas)
    for sheet in (canvas, white):
        draw_person(sheet, who, pose, box=box, view=view, light=Light(0.3, 0.4))
    np.testing.assert_allclose(1.0 - (white - canvas)[..., 0], cover, atol=1e-4)


def test_somebody_alone_is_seen_as_a_whole():
    marks = boxes_of(make_moment(make_standing()), (192, 320))
    assert marks.categories == (PEDESTRIAN,)
    np.testing.assert_array_equal(marks.boxes, marks.visible)
    assert marks.visible_ratio.tolist() == [1.0]
    assert marks.person_ids.tolist() == [1]


def test_the_full_box_exceeds_the_frame_where_the_body_does():
    marks = boxes_of(make_moment(make_standing(row=620.0, tall=300.0)), (192, 320))
    assert marks.boxes[0, 3] > 192
    assert marks.visible[0, 3] == 192
    assert 0.3 < marks.visible_ratio[0] < 0.95


def test_the_nearer_one_hides_the_farther_one():
    behind = make_standing(distance=10.0, number=3)
    before = make_standing(distance=8.0, column=500.0, number=5)
    marks = boxes_of(make_moment(behind, before), (192, 320))
    ratio = dict(zip(marks.person_ids.tolist(), marks.visible_ratio.tolist(), strict=True))
    assert ratio[5] == 1.0
    assert ratio[3] < 0.95


def test_whoever_is_behind_somebody_larger_is_left_out():
    behind = make_standing(distance=10.0, tall=60.0, row=265.0, number=3)
    marks = boxes_of(make_moment(behind, make_standing(distance=5.0, tall=330.0, row=420.0, number=5)), (192, 320))
    assert 5 in marks.person_ids
    assert 3 not in marks.person_ids[~marks.ignore]


def test_small_people_are_ignored_as_distant():
    marks = boxes_of(make_moment(make_standing(tall=40.0)), (192, 320))
    assert marks.categories == (DISTANT,)
    assert marks.ignore.all()
    assert marks.person_ids.tolist() == [1]


def test_an_empty_moment_and_people_outside_give_no_boxes():
    for moment in (make_moment(), make_moment(make_standing(column=-900.0)), make_moment(make_standing(row=-50.0))):
        marks = boxes_of(moment, (192, 320))
        assert len(marks) == 0
        assert marks.boxes.shape == (0, 4)


@pytest.mark.parametrize("kind", sorted(FIGURES))
def test_figures_that_are_no_pedestrians_are_ignored(kind):
    marks = boxes_of(make_moment(Thing(kind, 0.0, STREET.middle, 0)), (192, 320))
    assert marks.categories == (kind,)
    assert marks.ignore.all()
    assert marks.person_ids.tolist() == [-1]


@pytest.mark.parametrize("kind", sorted(FURNITURE))
def test_things_have_no_boxes_but_hide_people(kind):
    thing = Thing(kind, 0.0, STREET.middle, 0)
    assert len(boxes_of(make_moment(thing), (192, 320))) == 0
    sprite = cut_out(STREET, thing, Screen(192, 320))
    assert sprite.paint[..., 3].max() == pytest.approx(1.0)
    assert (sprite.paint[..., :3] <= sprite.paint[..., 3:] + 1e-5).all()


def test_ignore_flags_follow_height_visibility_and_kind():
    seen = set()
    for name in ("winter_station", "rainy_campus", "random-5"):
        for sample in read_world_frames(name, 0, frames=15).samples:
            marks = sample.annotations
            seen |= set(marks.categories)
            for index, category in enumerate(marks.categories):
                assert marks.ignore[index] == (category != PEDESTRIAN)
                height = (marks.boxes[index, 3] - marks.boxes[index, 1]) / sample.size[0]
                if category in (PEDESTRIAN, HIDDEN):
                    assert height >= LEAST_HEIGHT - 1e-6
                    assert (marks.visible_ratio[index] < LEAST_VISIBLE) == (category == HIDDEN)
                assert category != DISTANT or height < LEAST_HEIGHT
            assert (marks.visible[:, :2] >= 0).all()
            assert (marks.visible[:, 2:] <= (320, 192)).all()
            assert (marks.boxes[:, :2] <= marks.visible[:, :2]).all()
            assert (marks.boxes[:, 2:] >= marks.visible[:, 2:]).all()
            assert ((marks.visible_ratio > 0) & (marks.visible_ratio <= 1)).all()
    assert {PEDESTRIAN, DISTANT, HIDDEN, "crowd", "sitting", "poster"} <= seen


@pytest.mark.parametrize(
    ("corner", "expected"), [((-3, 2), (2, 4)), ((10, 0), None), ((8, 8), (2, 2)), ((0, -9), None)]
)
def test_overlap_is_cut_at_the_edges(corner, expected):
    windows = overlap((10, 10), (4, 5), corner)
    if expected is None:
        assert windows is None
        return
    picture = np.zeros((10, 10))[windows[0]]
    assert picture.shape == np.zeros((4, 5))[windows[1]].shape
    assert picture.shape[::-1] == expected
