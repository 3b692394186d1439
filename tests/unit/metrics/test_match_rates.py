"""Thresholds for 'the same person': exact against slow lists of all pairs, and where there is little to go by."""

import numpy as np
import pytest

from pipeline.errors import DataError
from pipeline.metrics.match_rates import match_points, rates_at
from pipeline.metrics.pair_distances import PersonRows, pairs_between, pairs_within
from tests.references import matching


def make_rows(count=60, persons=9, cameras=4, width=6, *, seed=0, unknown=True):
    rng = np.random.default_rng(seed)
    ids, seen = rng.integers(-1 if unknown else 0, persons, count), rng.integers(-1 if unknown else 0, cameras, count)
    people = rng.normal(size=(persons + 1, width))
    return PersonRows((people[ids] + rng.normal(size=(count, width))).astype(np.float32), ids, seen)


def of(own, other):
    """Return blocks that split given distances in two."""
    own, other = np.array(own, np.float32), np.array(other, np.float32)
    return lambda: iter([(own[:1], other[:2]), (own[1:], other[2:])])


@pytest.mark.parametrize("needs_common_camera", [False, True])
def test_pairs_are_those_of_two_loops(monkeypatch, needs_common_camera):
    monkeypatch.setattr("pipeline.metrics.pair_distances.BLOCK_ENTRIES", 500)
    rows = make_rows()
    own, other = (
        np.sort(np.concatenate(parts))
        for parts in zip(*pairs_within(rows, needs_common_camera=needs_common_camera), strict=True)
    )
    expected = matching.pairs(rows.features, rows.ids, rows.cameras, needs_common_camera=needs_common_camera)
    for found, wanted in zip((own, other), expected, strict=True):
        distances = sorted(matching.cosine_distance(rows.features[i], rows.features[j]) for i, j in wanted)
        np.testing.assert_allclose(found, distances, atol=2e-6)


@pytest.mark.parametrize("cameras", ["discard_same", "unknown"])
def test_pairs_of_queries_and_gallery_are_those_of_two_loops(monkeypatch, cameras):
    monkeypatch.setattr("pipeline.metrics.pair_distances.BLOCK_ENTRIES", 200)
    query, gallery = make_rows(20, seed=1), make_rows(30, seed=2)
    found = [
        np.sort(np.concatenate(parts)) for parts in zip(*pairs_between(query, gallery, cameras=cameras), strict=True)
    ]
    wanted = ([], [])
    for q in range(20):
        for g in range(30):
            is_one_camera = cameras == "discard_same" and 0 <= query.cameras[q] == gallery.cameras[g]
            if query.ids[q] >= 0 and gallery.ids[g] >= 0 and not is_one_camera:
                distance = matching.cosine_distance(query.features[q], gallery.features[g])
                wanted[int(query.ids[q] != gallery.ids[g])].append(distance)
    for distances, expected in zip(found, wanted, strict=True):
        np.testing.assert_allclose(distances, sorted(expected), atol=2e-6)


def test_thresholds_are_those_of_the_sorted_list(monkeypatch):
    monkeypatch.setattr("pipeline.metrics.pair_distances.BLOCK_ENTRIES", 700)
    rows = make_rows(90, unknown=False)
    own, other = (np.concatenate(parts) for parts in zip(*pairs_within(rows), strict=True))
    rates = (0.0001, 0.003, 0.01, 0.29, 0.5, 0.999)
    found = match_points(lambda: pairs_within(rows), rates)
    assert (found.genuine, found.impostors) == (len(own), len(other))
    limits = {rate: matching.threshold(other.tolist(), rate) for rate in rates}
    assert (
        [point.rate for point in found.points] == [rate for rate in rates if limits[rate] is not None] == [*rates[1:]]
    )
    for point in found.points:
        assert point.threshold == limits[point.rate]
        assert point.false_match_rate == matching.share_below(other.tolist(), point.threshold) <= point.rate
        assert point.true_match_rate == matching.share_below(own.tolist(), point.threshold)
        assert rates_at(lambda: pairs_within(rows), point.threshold) == (point.true_match_rate, point.false_match_rate)


def test_golden_numbers():
    blocks = of([0.1, 0.2, 0.3, 0.6], [0.25, 0.4, 0.5, 0.7, 0.75, 0.8, 0.9, 1.0, 1.1, 1.2])
    points = match_points(blocks, (0.3, 0.1)).points
    assert [(p.rate, round(p.threshold, 6), p.false_match_rate, p.true_match_rate) for p in points] == [
        (0.1, 0.4, 0.1, 0.75), (0.3, 0.7, 0.3, 1.0),
    ]  # fmt: skip


def test_equal_distances_stay_below_the_rate():
    points = match_points(of([0.5, 0.1], [0.5, 0.5, 0.5, 0.9]), (0.25, 0.5)).points
    assert [(p.threshold, p.false_match_rate, p.true_match_rate) for p in points] == [(0.5, 0.0, 0.5), (0.5, 0.0, 0.5)]


def test_a_greater_rate_never_has_a_smaller_threshold():
    points = match_points(lambda: pairs_within(make_rows(50, seed=4)), np.linspace(0.01, 0.99, 40).tolist()).points
    thresholds = [point.threshold for point in points]
    assert thresholds == sorted(thresholds)


def test_the_order_of_the_rows_does_not_matter():
    rows, order = make_rows(seed=5), np.random.default_rng(1).permutation(60)
    turned = PersonRows(rows.features[order], rows.ids[order], rows.cameras[order])
    both = [match_points(lambda part=part: pairs_within(part), (0.05, 0.2)) for part in (rows, turned)]
    assert both[0].impostors == both[1].impostors
    np.testing.assert_allclose([p.threshold for p in both[0].points], [p.threshold for p in both[1].points], atol=1e-6)


def test_without_a_pair_of_one_person_there_is_no_true_match_rate():
    rows = PersonRows(np.eye(6, dtype=np.float32)[:5], np.arange(5), np.arange(5))
    found = match_points(lambda: pairs_within(rows), (0.2,))
    assert (found.genuine, found.impostors) == (0, 10)
    assert [(p.threshold, p.false_match_rate, p.true_match_rate) for p in found.points] == [(1.0, 0.0, None)]


@pytest.mark.parametrize("count", [0, 1, 30])
def test_one_camera_gives_no_pair_and_no_threshold(count):
    rows = make_rows(30, unknown=False)
    rows = PersonRows(rows.features[:count], rows.ids[:count], np.zeros(count, np.int64))
    found = match_points(lambda: pairs_within(rows), (0.5,))
    assert (found.genuine, found.impostors, found.points) == (0, 0, ())
    assert rates_at(lambda: pairs_within(rows), 0.5) == (None, None)


def test_equal_crops_are_at_distance_zero_and_no_pair_below():
    rows = PersonRows(np.ones((4, 4), np.float32), np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]))
    (point,) = match_points(lambda: pairs_within(rows), (0.5,)).points
    assert (point.threshold, point.false_match_rate, point.true_match_rate) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, float("nan")])
def test_a_rate_that_is_none_is_refused(rate):
    with pytest.raises(DataError, match="false-match rate"):
        match_points(of([0.1], [0.2]), (rate,))


def test_features_that_are_not_finite_are_refused():
    rows = make_rows()
    rows.features[3] = np.nan
    with pytest.raises(DataError, match="the first is row 3"):
        list(pairs_within(rows))
