"""The small parts of reading footage against slow twins and on their edges."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.footage.clock import MAX_GAP_SECONDS, FrameClock
from pipeline.footage.motion import motion_share, thumbnail
from pipeline.footage.spread_choice import STILL, Moment, SpreadChoice
from pipeline.footage.upright import one_field, turned
from tests.references import footage as slow


@pytest.mark.parametrize("height", [1, 2, 3, 6, 7])
def test_one_field_is_that_of_the_loop(height):
    image = np.random.default_rng(height).integers(0, 256, (height, 5, 3), dtype=np.uint8)
    np.testing.assert_array_equal(one_field(image), slow.one_field(image))


def test_a_quarter_is_counter_clockwise_and_odd_angles_are_left():
    image = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
    assert turned(image, 90)[..., 0].tolist() == [[2, 5], [1, 4], [0, 3]]
    np.testing.assert_array_equal(turned(image, -90), turned(image, 270))
    np.testing.assert_array_equal(turned(turned(image, 180), -180), image)
    assert turned(image, 37) is image


def test_motion_is_that_of_the_loop_and_blind_to_light():
    generator = np.random.default_rng(3)
    before = generator.uniform(0, 200, (9, 16)).astype(np.float32)
    now = before + np.where(generator.random((9, 16)) < 0.3, 40, 5).astype(np.float32)
    assert motion_share(before, now) == pytest.approx(slow.motion_share(before, now))
    assert motion_share(before, before + 30) == 0.0
    assert motion_share(None, now) == 0.0
    assert motion_share(before[:4], now) == 0.0


def test_a_thumbnail_is_grey_and_small():
    image = np.full((720, 1280, 3), 90, np.uint8)
    small = thumbnail(image)
    assert small.shape == (90, 160)
    assert float(small.mean()) == pytest.approx(90)
    assert thumbnail(image[:30, :40]).shape == (30, 40)


@pytest.mark.parametrize(
    ("stamps", "expected", "faults"),
    [
        ([5.0, 5.1, 5.2], [0, 0.1, 0.2], 0),
        ([None, None, None], [0, 0.1, 0.2], 0),
        ([0.0, 0.1, 0.05, 0.2], [0, 0.1, 0.15, 0.2], 1),
        ([9.0, 9.1, 0.0, 0.1], [0, 0.1, 0.2, 0.3], 1),
        ([0.0, 2 * MAX_GAP_SECONDS, 0.2], [0, 0.1, 0.2], 2),
        ([0.0, 3600.0], [0, 3600.0], 0),
        ([None, None, 7000.0, 7000.1], [0, 0.1, 0.2, 0.3], 0),
        ([5.0, None, 5.2], [0, 0.1, 0.2], 0),
    ],
    ids=["plain", "none", "two in the wrong order", "a new count", "one wild stamp", "a gap", "late ones", "one hole"],
)
def test_times_always_grow(stamps, expected, faults):
    counted = Counter()
    clock = FrameClock(0.1, counted)
    assert [clock.seconds(stamp) for stamp in stamps] == pytest.approx(expected)
    assert sum(counted.values()) == faults


def offered(motions, *, limit, interval=1.0, step=1.0):
    choice = SpreadChoice(limit, interval)
    for number, motion in enumerate(motions):
        choice.offer(Moment(number * step, motion, number))
    return choice.moments


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.0005, 0.01, 0.2, 0.5]), max_size=60), st.integers(1, 8))
def test_the_choice_is_that_of_the_loop(motions, limit):
    kept = offered(motions, limit=limit, step=0.7)
    assert [m.number for m in kept] == slow.spread_choice(motions, limit=limit, interval=1.0, step=0.7)
    assert len(kept) <= limit


def test_as_many_as_wanted_are_kept_and_they_are_spread():
    kept = offered([0.1] * 1000, limit=20)
    assert len(kept) == 20
    gaps = np.diff([moment.seconds for moment in kept])
    assert gaps.max() <= 64
    assert kept[0].seconds <= 64
    assert kept[-1].seconds >= 999 - 64


def test_movement_goes_before_stillness_wherever_it_was():
    motions = np.where(np.arange(500) % 100 == 7, 0.3, 0.0)
    kept = offered(motions, limit=5)
    assert [moment.number for moment in kept] == [7, 107, 207, 307, 407]
    assert all(moment.motion < STILL for moment in offered([0.0] * 50, limit=5))


def test_going_on_with_what_was_kept_changes_nothing():
    motions = np.random.default_rng(5).uniform(0, 0.1, 300)
    first = SpreadChoice(9, 1.0)
    for number in range(150):
        first.offer(Moment(float(number), float(motions[number]), number))
    second = SpreadChoice(9, 1.0, kept=first.moments)
    for number in range(150, 300):
        second.offer(Moment(float(number), float(motions[number]), number))
    assert second.moments == offered(motions, limit=9)
