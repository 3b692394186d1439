"""People keep their numbers: through crossings, gaps, doubtful frames and irregular times."""

import numpy as np
import pytest

from pipeline.tracking.tracker import Tracker
from tests.references.tracking import loop_track
from tests.unit.tracking.walkers import make_box, make_walkers


def follow(frames, **settings):
    """Return for each frame the list of (number, box as a tuple)."""
    tracker = Tracker(**settings)
    return [
        [(person.track_number, tuple(person.box.tolist())) for person in tracker.update(boxes, scores, seconds)]
        for seconds, boxes, scores in frames
    ]


def numbers(shown):
    return [[number for number, _ in frame] for frame in shown]


def disturbed(people=4, frames=25, seed=0):
    """Frames with missing boxes, false ones, low scores and irregular times, in random order."""
    rng = np.random.default_rng(seed)
    made = []
    for seconds, boxes, _ in make_walkers(people, frames, seed=seed, jitter=0.02, irregular=0.9):
        kept = boxes[rng.uniform(size=people) < 0.85]
        if rng.uniform() < 0.3:
            kept = np.concatenate([kept, make_box(rng.uniform(0, 400))[None]])
        made.append((seconds, kept, rng.choice([0.05, 0.3, 0.65, 0.8, 0.9], len(kept), p=[0.05, 0.2, 0.1, 0.3, 0.35])))
    return made


@pytest.mark.parametrize("seed", range(6))
def test_it_equals_a_loop_over_dictionaries(seed):
    frames = disturbed(seed=seed)
    slow = [
        (s, [(float(p), tuple(b.tolist())) for b, p in zip(boxes, scores, strict=True)]) for s, boxes, scores in frames
    ]
    assert follow(frames) == loop_track(slow)
    settings = {"hits": 3, "birth": 0.6}
    assert follow(frames, lost_seconds=0.25, **settings) == loop_track(slow, lost=0.25, **settings)


def test_golden_confirmation_at_the_second_hit():
    box = make_box(100.0)
    shown = follow([(t / 10, box[None], np.array([0.9])) for t in range(3)])
    assert shown == [[], [(1, tuple(box.tolist()))], [(1, tuple(box.tolist()))]]
    assert numbers(follow([(0.0, box[None], np.array([0.9]))], hits=1)) == [[1]]


def test_everybody_keeps_one_number():
    shown = numbers(follow(make_walkers(5, 30, jitter=0.02)))
    assert shown[1:] == [[1, 2, 3, 4, 5]] * 29


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_detections_changes_nothing(seed):
    frames, rng = disturbed(seed=seed), np.random.default_rng(9)
    mixed = []
    for seconds, boxes, scores in frames:
        order = rng.permutation(len(scores))
        mixed.append((seconds, boxes[order], scores[order]))
    assert follow(mixed) == follow(frames)


def test_moving_or_enlarging_the_picture_changes_no_number():
    frames = disturbed()
    for change in (lambda b: b + np.float32(64), lambda b: b * np.float32(4)):
        assert numbers(follow([(t, change(b), p) for t, b, p in frames])) == numbers(follow(frames))


def test_another_clock_changes_nothing():
    frames = disturbed()
    assert follow([(t + 1024.0, b, p) for t, b, p in frames]) == follow(frames)


def test_two_people_who_cross_keep_their_numbers():
    frames = []
    for i in range(41):
        left, right = make_box(100 + 4.0 * i), make_box(260 - 4.0 * i, y=52.0)
        frames.append((i / 10, np.stack([left, right]), np.array([0.9, 0.9])))
    shown = follow(frames)
    first = {number: box[0] for number, box in shown[1]}
    last = {number: box[0] for number, box in shown[-1]}
    assert set(first) == set(last) == {1, 2}
    assert first[1] < first[2]
    assert last[1] > last[2]


def test_walkers_are_followed_at_two_frames_a_second():
    frames = [
        (i / 2, np.stack([make_box(25.0 * i), make_box(600 - 25.0 * i, y=150)]), np.full(2, 0.9)) for i in range(9)
    ]
    assert numbers(follow(frames))[1:] == [[1, 2]] * 8


def test_a_short_gap_is_bridged_and_a_long_one_is_not():
    for gap, expected in ((0.8, [1]), (1.4, [2])):
        times = [0.0, 0.1, 0.2, 0.3]
        times += [times[-1] + gap + i / 10 for i in range(3)]
        frames = [(t, make_box(100 + 10 * t)[None], np.array([0.9])) for t in times]
        tracker = Tracker()
        for seconds, boxes, scores in frames[:4]:
            tracker.update(boxes, scores, seconds)
        while seconds + 0.1 < frames[4][0]:
            seconds += 0.1
            assert tracker.update(np.zeros((0, 4)), np.zeros(0), seconds) == []
        assert tracker.open_tracks == ((1,) if gap < 1 else ())
        for seconds, boxes, scores in frames[4:]:
            people = tracker.update(boxes, scores, seconds)
        assert [person.track_number for person in people] == expected


def test_a_doubtful_detection_continues_a_track_but_begins_none():
    box = make_box(100.0)[None]
    frames = [(t / 10, box, np.array([0.9 if t < 2 else 0.2])) for t in range(5)]
    assert numbers(follow(frames)) == [[], [1], [1], [1], [1]]
    assert numbers(follow([(t / 10, box, np.array([0.2])) for t in range(5)])) == [[]] * 5
    assert numbers(follow([(t / 10, box, np.array([0.65])) for t in range(5)])) == [[]] * 5
    assert numbers(follow([(t, b, p / 4) for t, b, p in frames])) == [[]] * 5


def test_a_lost_track_is_not_continued_by_doubtful_detections():
    box = make_box(100.0)[None]
    scores = [[0.9], [0.9], [], [0.2], [0.9]]
    frames = [(t / 10, box[: len(s)], np.array(s)) for t, s in enumerate(scores)]
    assert numbers(follow(frames)) == [[], [1], [], [], [1]]


def test_one_false_detection_becomes_no_track():
    frames = make_walkers(1, 6)
    seconds, boxes, scores = frames[2]
    frames[2] = (seconds, np.concatenate([boxes, make_box(-300.0)[None]]), np.append(scores, 0.99))
    assert numbers(follow(frames))[1:] == [[1]] * 5


def test_empty_frames_and_unusable_boxes():
    tracker = Tracker()
    assert tracker.update(np.zeros((0, 4)), np.zeros(0), 0.0) == []
    bad = np.array([[0, 0, 0, 10], [10, 0, 5, 10], [np.nan, 0, 5, 10], [0, 0, np.inf, 10]])
    assert tracker.update(bad, np.full(4, 0.9), 0.1) == []
    assert tracker.update(bad, np.full(4, 0.9), 0.2) == []
    assert tracker.open_tracks == ()


def test_a_clock_that_goes_back_ends_all_tracks():
    tracker, box = Tracker(), make_box(100.0)[None]
    for seconds in (5.0, 5.1, 0.0, 0.1):
        people = tracker.update(box, np.array([0.9]), seconds)
    assert [person.track_number for person in people] == [2]


def test_two_frames_of_one_time_are_allowed():
    box = make_box(100.0)[None]
    assert numbers(follow([(1.0, box, np.array([0.9]))] * 3)) == [[], [1], [1]]


def test_memory_is_bounded_by_what_is_in_view():
    tracker, rng = Tracker(), np.random.default_rng(0)
    for frame in range(400):
        boxes = np.stack([make_box(x) for x in rng.uniform(0, 10_000, 5)])
        tracker.update(boxes, np.full(5, 0.9), frame / 10)
    assert len(tracker._tracks.numbers) <= 5 * 12


def test_settings_that_contradict_each_other_are_our_own_bug():
    with pytest.raises(AssertionError, match=r"low 0\.5 <= high 0\.4"):
        Tracker(low=0.5, high=0.4)
