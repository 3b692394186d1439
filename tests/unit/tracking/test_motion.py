"""The filter in four pairs equals the one of eight numbers, and time may be cut into any pieces."""

import numpy as np
import pytest

from pipeline.tracking.motion import advance, begin, boxes_of, correct, margins
from tests.references.tracking import MatrixFilter
from tests.unit.tracking.walkers import make_box, make_walkers

FIELDS = ("place", "speed", "spread", "scale")


def equal(one, other, rtol=1e-9):
    for name in FIELDS:
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=rtol, atol=1e-9, err_msg=name)


def test_it_equals_a_filter_with_matrices():
    frames = make_walkers(4, 12, jitter=0.03, irregular=0.8)
    motion, now = begin(frames[0][1]), 0.0
    slow = [MatrixFilter(box) for box in frames[0][1]]
    for seconds, boxes, _ in frames[1:]:
        motion = correct(advance(motion, seconds - now), boxes)
        for filter, box in zip(slow, boxes, strict=True):
            filter.advance(seconds - now)
            filter.correct(box)
        now = seconds
    motion = advance(motion, 0.4)
    for filter in slow:
        filter.advance(0.4)
    np.testing.assert_allclose(motion.place, [f.x[:4] for f in slow], rtol=1e-9)
    np.testing.assert_allclose(motion.speed, [f.x[4:] for f in slow], rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(boxes_of(motion), [f.box() for f in slow], rtol=1e-9)
    spread = [[(f.p[i, i], f.p[i, i + 4], f.p[i + 4, i + 4]) for i in range(4)] for f in slow]
    np.testing.assert_allclose(motion.spread, spread, rtol=1e-7, atol=1e-12)


def test_golden_second_look():
    motion = correct(advance(begin(make_box(100.0)[None]), 0.1), make_box(101.0)[None])
    # Of the x: spread 25 + 0.1^2 93.75^2 + 0.1 (2.5^2 30) + 0.1^3 / 3 (9.375^2 30), noise 2.5^2.
    here = 25 + 87.890625 + 18.75 + 0.87890625
    assert motion.place[0, 0] == pytest.approx(100 + here / (here + 6.25))
    both = 0.1 * 93.75**2 + 0.1**2 / 2 * 9.375**2 * 30
    assert motion.speed[0, 0] == pytest.approx(both / (here + 6.25))


def test_two_steps_are_one_step():
    motion = correct(advance(begin(make_walkers()[0][1]), 0.1), make_walkers()[1][1])
    equal(advance(advance(motion, 0.13), 0.57), advance(motion, 0.7))
    equal(advance(motion, 0.0), motion)


def test_the_margin_grows_with_time_up_to_half_a_height():
    motion = begin(make_box(0.0, height=40.0)[None])
    assert margins(motion) == pytest.approx([0.5 * 4.0])
    assert margins(advance(motion, 10.0)) == pytest.approx([20.0])


def test_a_standing_person_stays_and_is_known_better():
    box = make_box(10.0)[None]
    motion = begin(box)
    for _ in range(20):
        motion = correct(advance(motion, 0.1), box)
    np.testing.assert_allclose(boxes_of(motion), box, atol=1e-6)
    assert (motion.spread[0, :, 2] < begin(box).spread[0, :, 2]).sum() == 3


def test_scale_and_place_of_the_picture_change_nothing_else():
    frames = make_walkers(3, 6, jitter=0.02)

    def follow(change):
        motion = begin(change(frames[0][1]))
        for _, boxes, _ in frames[1:]:
            motion = correct(advance(motion, 0.1), change(boxes))
        return boxes_of(advance(motion, 0.2))

    plain = follow(lambda boxes: boxes.astype(np.float64))
    np.testing.assert_allclose(follow(lambda boxes: 3.0 * boxes + 7.0), 3 * plain + 7, rtol=1e-5)


def test_no_tracks_and_shrinking_ones():
    empty = begin(np.zeros((0, 4)))
    assert boxes_of(correct(advance(empty, 0.1), np.zeros((0, 4)))).shape == (0, 4)
    motion = begin(make_box(0.0, height=10.0)[None])
    motion.speed[0, 3] = -100.0
    x1, y1, x2, y2 = boxes_of(advance(motion, 1.0))[0]
    assert (x2 - x1, y2 - y1) == (0.0, 0.0)


def test_put_take_and_join():
    motion = begin(make_walkers(3)[0][1])
    equal(motion.take(np.array([2, 0])).join(motion.take(np.array([1]))), motion.take(np.array([2, 0, 1])))
    mask = np.array([False, True, False])
    moved = motion.put(mask, motion.take(np.array([2])))
    equal(moved, motion.take(np.array([0, 2, 2])))
