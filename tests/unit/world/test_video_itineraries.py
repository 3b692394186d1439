"""Who passes which cameras of a site: times, travel, whole ways, other people in the other split."""

from collections import defaultdict
from itertools import pairwise
from math import log

import numpy as np
import pytest

from datasets.world.cameras import FRAME
from datasets.world.frames.screen import Screen
from datasets.world.video.itineraries import visits_of
from datasets.world.video.sight import sight_of
from datasets.world.video.site import make_site
from pipeline.errors import DataError
from tests.references.sight import seconds_in_view

SITE = make_site("random-72", 1, 4)
VISITS = visits_of(SITE, "train", (0.0, 180.0))


def make_ways(visits=VISITS):
    """Return the visits of each person, in the order of time."""
    ways = defaultdict(list)
    for visit in visits:
        ways[visit.walker.person].append(visit)
    return ways


def test_most_people_are_seen_by_two_cameras_or_more():
    cameras = [len({visit.camera for visit in way}) for way in make_ways().values()]
    assert len(cameras) > 30
    assert np.mean(np.array(cameras) >= 2) > 0.6
    assert np.mean(np.array(cameras) >= 3) > 0.2


def test_nobody_is_in_two_places_at_once():
    for way in make_ways().values():
        assert all(before.leaves < after.enters for before, after in pairwise(way))
        assert all(before.camera != after.camera for before, after in pairwise(way))


def test_travel_takes_what_is_typical_of_the_two_cameras():
    found = defaultdict(list)
    for way in make_ways(visits_of(SITE, "train", (0.0, 1800.0))).values():
        for before, after in pairwise(way):
            found[before.camera, after.camera].append(after.enters - before.leaves)
    assert len(found) == 12
    for (one, other), seconds in found.items():
        # Groups of up to four leave and enter one after the other, some seconds apart.
        assert abs(log(np.median(seconds) / SITE.travel[one - 1][other - 1])) < 0.25


def test_travel_is_symmetric_and_differs_between_pairs():
    travel = np.array(SITE.travel)
    np.testing.assert_array_equal(travel, travel.T)
    pairs = travel[np.triu_indices(4, 1)]
    assert pairs.min() >= 6.0
    assert pairs.max() < 40.0
    assert pairs.std() > 1.0


def test_splits_show_other_people_and_a_longer_time_repeats_the_shorter_one():
    test = visits_of(SITE, "test", (86_400.0, 86_580.0))
    assert all(visit.walker.person % 2 == 1 for visit in VISITS)
    assert all(visit.walker.person % 2 == 0 for visit in test)
    longer = visits_of(SITE, "train", (0.0, 240.0))
    assert tuple(visit for visit in longer if visit.enters <= 180.0) == VISITS


def test_visits_are_the_same_again_and_sorted():
    assert visits_of(make_site("random-72", 1, 4), "train", (0.0, 180.0)) == VISITS
    assert [visit.enters for visit in VISITS] == sorted(visit.enters for visit in VISITS)


def test_cameras_are_about_as_busy_as_the_street_frames():
    for street in SITE.streets:
        seconds = sum(min(v.leaves, 180.0) - max(v.enters, 0.0) for v in VISITS if v.camera == street.number)
        assert 0.3 * street.busy < seconds / 180.0 < 2.5 * street.busy


@pytest.mark.parametrize("visit", VISITS[::9])
def test_sight_equals_a_walk_in_small_steps(visit):
    street = SITE.streets[visit.camera - 1]
    seen = seconds_in_view(street, visit.walker)
    assert visit.enters == pytest.approx(seen[0], abs=0.3)
    assert visit.leaves == pytest.approx(seen[-1], abs=0.3)


def test_ways_lead_into_the_picture_and_out_of_it():
    whole = [sight_of(SITE.streets[v.camera - 1], v.walker).is_whole for v in VISITS]
    assert np.mean(whole) > 0.9
    screen = Screen(*FRAME)
    for visit in VISITS[::5]:
        eye = SITE.streets[visit.camera - 1].eye
        for second in (visit.enters - 0.5, visit.leaves + 0.5):
            across, distance = visit.walker.place_at(second)
            column, row = eye.foot(across, distance)
            tall = 1.7 * eye.metre(distance)
            is_inside = screen.is_near((column - tall / 8, row - 0.9 * tall, column + tall / 8, row - 0.1 * tall))
            assert not is_inside or distance > 0.9 * SITE.streets[visit.camera - 1].wall


@pytest.mark.parametrize("cameras", [1, 10])
def test_a_site_has_two_to_nine_cameras(cameras):
    with pytest.raises(DataError, match="2 to 9"):
        make_site("random-72", 1, cameras)
