"""Which crops of a track are kept, and which tracks become tracklets."""

import numpy as np
import pytest

from pipeline.tracking.cutting import TrackletCutter
from pipeline.tracking.stay import Road
from pipeline.tracking.tracker import Tracked
from tests.unit.tracking.test_quality import make_crop

BOX = (40.0, 20.0, 72.0, 100.0)


def make_frame(number=0, box=BOX, blur=1):
    """A grey frame in which the person in the box looks different in each frame."""
    image = np.full((140, 200, 3), 128, np.uint8)
    left, top, right, bottom = map(int, box)
    crop = make_crop(number, bottom - top, right - left)
    if blur > 1:
        crop = np.repeat(np.repeat(crop[::blur, ::blur], blur, axis=0), blur, axis=1)[: bottom - top, : right - left]
        crop = (crop // 8 + 112).astype(np.uint8)
    image[top:bottom, left:right] = crop
    return image


def person(number=1, box=BOX, score=0.9):
    return Tracked(number, np.array(box, np.float32), score)


def cut(frames, **settings):
    """Cut (image, people) pairs that are 0.2 seconds apart; return the tracklets and the counts."""
    cutter = TrackletCutter(**({"least_travel": 0.0} | settings))
    for number, (image, people) in enumerate(frames):
        cutter.look(image, people, frame=10 + number, seconds=number / 5)
    return cutter.close(()), {reason: count for reason, count in cutter.left_out.items() if count}


def test_a_stay_becomes_a_tracklet_in_the_order_of_time():
    tracklets, left_out = cut([(make_frame(i), [person(score=0.5 + i / 100)]) for i in range(6)])
    (tracklet,) = tracklets
    assert tracklet.track_number == 1
    assert [crop.frame for crop in tracklet.crops] == [10, 11, 12, 13, 14, 15]
    assert [crop.seconds for crop in tracklet.crops] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    np.testing.assert_array_equal(tracklet.crops[3].pixels, make_frame(3)[20:100, 40:72])
    assert left_out == {}


def test_few_crops_that_differ_are_chosen_and_memory_is_bounded():
    frames = [(make_frame(i), [person(score=0.95 if i == 4 else 0.9)]) for i in range(40)]
    cutter = TrackletCutter(crops=3, least_travel=0.0)
    for number, (image, people) in enumerate(frames):
        cutter.look(image, people, frame=number, seconds=number / 5)
        assert len(cutter._stays[1].crops) <= 6
    (tracklet,) = cutter.close(())
    assert len(tracklet.crops) == 3
    assert cutter.left_out["crop beyond the number wanted"] == 37


@pytest.mark.parametrize(
    ("people", "reason"),
    [
        ([person(box=(40, 20, 72, 40))], "crop too small"),
        ([person(box=(0, 20, 32, 100))], "crop cut off at the border"),
        ([person(), person(2, (60, 25, 95, 110))], "crop hidden by others"),
    ],
)
def test_bad_crops_are_left_out_with_their_reason(people, reason):
    tracklets, left_out = cut([(make_frame(i), people) for i in range(6)])
    assert [t.track_number for t in tracklets] == [p.track_number for p in people[1:]]
    assert left_out[reason] == 6
    assert left_out["tracklet too short"] == 1


def test_crops_that_are_nearly_the_same_are_left_out():
    still = make_frame(0)
    tracklets, left_out = cut([(still, [person()])] * 6)
    assert tracklets == []
    assert left_out == {"crop like another one": 5, "tracklet too short": 1}
    (tracklet,), _ = cut([(still, [person()])] * 6, least_crops=1)
    assert len(tracklet.crops) == 1


def test_a_pause_between_looks():
    (tracklet,), _ = cut([(make_frame(i), [person()]) for i in range(9)], pause=0.5)
    assert [crop.frame for crop in tracklet.crops] == [10, 13, 16]


def test_blurred_crops_are_told_by_the_camera_they_come_from():
    frames = [(make_frame(i, blur=16 if 30 <= i < 33 else 1), [person(1 + i // 10)]) for i in range(40)]
    tracklets, left_out = cut(frames, crops=10)
    assert [len(t.crops) for t in tracklets] == [10, 10, 10, 7]
    assert left_out == {"crop blurred": 3}
    # Where everything is so, nothing is left out for it.
    tracklets, left_out = cut([(make_frame(i, blur=2), [person()]) for i in range(30)])
    assert "crop blurred" not in left_out


def test_short_tracks_are_left_out_and_open_ones_wait():
    cutter = TrackletCutter(least_travel=0.0)
    for number in range(6):
        people = [person(1)] if number < 4 else [person(1), person(2, (120, 20, 150, 100))]
        cutter.look(make_frame(number), people, frame=number, seconds=number / 5)
    assert cutter.close((1,)) == []
    assert cutter.left_out["tracklet too short"] == 1
    assert [t.track_number for t in cutter.close(())] == [1]
    assert cutter.close(()) == []


def test_what_never_leaves_its_place_is_left_out():
    still = [(make_frame(i), [person()]) for i in range(8)]
    assert cut(still, least_travel=0.5) == ([], {"tracklet that stays in its place": 1})
    # One box that jumps away and comes back is no travel ...
    jumps = [*still[:4], (still[4][0], [person(box=(70, 20, 102, 100))]), *still[4:]]
    assert cut(jumps, least_travel=0.5)[0] == []
    # ... but a walk is, and so is coming nearer: of 80 pixels height, 50 to the right, or 40 % more height.
    for change in ((50, 0, 50, 0), (-6, 0, 6, 32)):
        walk = [np.add(BOX, np.array(change) * i / 7) for i in range(8)]
        frames = [(make_frame(i), [person(box=tuple(box))]) for i, box in enumerate(walk)]
        assert len(cut(frames, least_travel=0.2)[0]) == 1


def test_tracklets_end_where_two_people_meet():
    frames = []
    for i in range(17):
        boxes = [np.add(BOX, (6 * i, 0, 6 * i, 0)), np.add(BOX, (96 - 6 * i, 4, 96 - 6 * i, 4))]
        frames.append((make_crop(i, 140, 200), [person(n + 1, tuple(box)) for n, box in enumerate(boxes)]))
    tracklets, left_out = cut(frames, least_travel=0.2, least_frames=3, most_hidden=1.0, border=-1000.0)
    assert [t.track_number for t in tracklets] == [1, 1, 2, 2]
    for before, after in (tracklets[:2], tracklets[2:]):
        assert before.crops[-1].frame < 18 < after.crops[0].frame
    assert left_out["crop where two people meet"] % 2 == 0
    whole, _ = cut(frames, most_overlap=1.0, most_hidden=1.0, border=-1000.0)
    assert [t.track_number for t in whole] == [1, 2]


def test_golden_travel():
    road = Road()
    for x in (0, 0, 0, 30, 60, 60, 60, 0):
        road.move(np.array([x, 0, x + 20, 40], np.float32))
    assert (road.frames, road.travel) == (8, pytest.approx(60 / 40))


def test_nobody_in_any_frame():
    assert cut([(make_frame(), [])] * 3) == ([], {})
    cutter = TrackletCutter(least_height=0.0, border=-1000.0)
    cutter.look(make_frame(), [person(box=(300, 300, 310, 320))], frame=0, seconds=0.0)
    assert cutter.left_out == {"crop too small": 1}
