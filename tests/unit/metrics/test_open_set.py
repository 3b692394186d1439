"""Open-set identification: exact against two loops, and where nobody is left to ask for."""

import numpy as np
import pytest

from pipeline.metrics.open_set import left_out_persons, open_set
from pipeline.metrics.pair_distances import PersonRows
from tests.references import matching
from tests.unit.metrics.test_match_rates import make_rows


def at(angles, ids, cameras):
    """Return rows in the plane, so that distances are 1 - cos of differences of angles."""
    radians = np.radians(np.array(angles, np.float64))
    features = np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)
    return PersonRows(features, np.array(ids), np.array(cameras))


@pytest.mark.parametrize("cameras", ["discard_same", "unknown"])
def test_numbers_are_those_of_two_loops(monkeypatch, cameras):
    monkeypatch.setattr("pipeline.metrics.pair_distances.BLOCK_ENTRIES", 300)
    query, gallery = make_rows(70, persons=12, seed=1), make_rows(90, persons=14, seed=2)
    rates = (0.01, 0.1, 0.25, 0.6)
    found = open_set(query, gallery, cameras=cameras, rates=rates)
    left_out = sorted({person for person in query.ids.tolist() if person >= 0})[1::2]
    distances = [[matching.cosine_distance(q, g) for g in gallery.features] for q in query.features]
    seen = query.cameras if cameras == "discard_same" else np.full(len(query.ids), -1)
    nearest = matching.open_set(distances, query.ids, seen, gallery.ids, gallery.cameras, left_out=left_out)
    alarms = [other for (_, other), person in zip(nearest, query.ids, strict=True) if person in left_out]
    known = [pair for pair, person in zip(nearest, query.ids, strict=True)
             if person >= 0 and person not in left_out and np.isfinite(pair[0])]  # fmt: skip
    assert (found.left_out, found.known, found.unknown) == (len(left_out), len(known), len(alarms))
    assert [point.rate for point in found.points] == [rate for rate in rates if rate * len(alarms) >= 1]
    for point in found.points:
        limit = matching.threshold(alarms, point.rate)
        assert point.threshold == pytest.approx(limit, abs=2e-6)
        assert point.false_alarm_rate == matching.share_below(alarms, limit) <= point.rate
        assert point.identified == sum(own < other and own < limit for own, other in known) / len(known)


def test_golden_numbers():
    query = at([0, 30, 90, 120, 200, 330], [1, 2, 3, 4, 5, 6], [0] * 6)
    gallery = at([5, 95, 210, 31], [1, 3, 5, 2], [1] * 4)
    found = open_set(query, gallery, rates=(0.4, 0.7))
    # Persons 2, 4 and 6 are left out; they are 25, 25 and 35 degrees from the nearest other person.
    assert (found.left_out, found.known, found.unknown) == (3, 3, 3)
    limits = [float(np.degrees(np.arccos(1 - point.threshold))) for point in found.points]
    np.testing.assert_allclose(limits, [25, 35], atol=1e-3)
    assert [point.identified for point in found.points] == [1.0, 1.0]
    assert found.points[1].false_alarm_rate == pytest.approx(2 / 3)


def test_somebody_else_at_the_same_distance_is_not_the_person():
    query, gallery = at([0, 90, 180, 270], [1, 2, 3, 4], [0] * 4), at([10, 10, 185], [1, 9, 3], [1] * 3)
    (point,) = open_set(query, gallery, rates=(0.1, 0.6)).points
    assert (point.rate, point.false_alarm_rate, point.identified) == (0.6, 0.5, 0.5)


def test_every_second_person_is_left_out():
    assert left_out_persons(np.array([7, 3, -1, 7, 9, 4])).tolist() == [4, 9]
    assert left_out_persons(np.array([7])).tolist() == []
    assert left_out_persons(np.array([], np.int64)).tolist() == []


@pytest.mark.parametrize("ids", [[5, 5], [-1, -1]])
def test_without_an_unknown_person_there_is_no_number(ids):
    found = open_set(at([0, 10], ids, [0, 1]), at([3, 50], [5, 6], [2, 2]))
    assert (found.left_out, found.unknown, found.points) == (0, 0, ())


def test_nobody_in_the_gallery():
    found = open_set(at([0, 10, 20, 30], [1, 2, 3, 4], [0] * 4), at([3, 50], [2, -1], [2, 2]), rates=(0.6,))
    assert (found.left_out, found.known, found.unknown, found.points) == (2, 0, 2, ())


def test_the_own_camera_does_not_count_unless_cameras_are_unknown():
    query, gallery = at([0, 40, 80, 120], [1, 2, 3, 4], [0] * 4), at([2, 70], [1, 3], [0, 1])
    assert open_set(query, gallery).known == 1
    assert open_set(query, gallery, cameras="unknown").known == 2
