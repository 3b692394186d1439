"""Tracklets as nodes: contraction, pairs seen at once, and what they do to the pseudo-labels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.clustering.pseudo_labels import assign_pseudo_labels
from pipeline.clustering.tracklets import Tracklets, nodes_of, overlapping_pairs
from pipeline.errors import DataError
from pipeline.metrics.clustering import agreement
from tests.references.tracklets import mean_direction, nodes_by_loops, overlaps_by_loops

MAKES_TWO_OF = [0, 0, 1, 1, 1, -1]


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def make_footage(seed=0, *, persons=10, cameras=3, crops=5, noise=1.1, dimension=32):
    """Features of tracklets, each person once before every camera; two neighbouring persons walk side by side."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((persons, dimension))
    # Those who walk together also dress alike.
    centres[1::2] = 0.5 * centres[1::2] + 0.5 * centres[::2]
    people = np.repeat(np.arange(persons), cameras * crops)
    where = np.tile(np.repeat(np.arange(cameras), crops), persons)
    ids = people * cameras + where
    of_tracklet = 0.5 * rng.standard_normal((persons * cameras, dimension))
    features = centres[people] + of_tracklet[ids] + noise * rng.standard_normal((len(people), dimension))
    seconds = 100.0 * (people // 2) + 20.0 * where + np.tile(np.arange(crops), persons * cameras)
    return features.astype(np.float32), people, where, Tracklets(ids, seconds)


@given(st.lists(st.integers(-1, 5), min_size=1, max_size=20), st.integers(0, 99))
def test_contraction_equals_the_loops(ids, seed):
    features = unit(np.random.default_rng(seed).standard_normal((len(ids), 4)))
    nodes = nodes_of(features, None, Tracklets(np.array(ids), np.full(len(ids), np.nan)))
    expected = nodes_by_loops(ids)
    for number, images in enumerate(expected):
        assert nodes.of_image[images].tolist() == [number] * len(images)
        np.testing.assert_allclose(nodes.features[number], mean_direction(features[images]), atol=1e-5)
    assert len(nodes.features) == len(expected)


@given(
    st.lists(
        st.tuples(st.integers(-1, 2), st.one_of(st.none(), st.tuples(st.integers(0, 9), st.integers(0, 4)))),
        max_size=14,
    )
)
def test_pairs_seen_at_once_equal_the_loops(rows):
    cameras = np.array([camera for camera, _ in rows], np.int64)
    intervals = [None if span is None else (span[0], span[0] + span[1]) for _, span in rows]
    start = np.array([np.nan if span is None else span[0] for span in intervals], float)
    end = np.array([np.nan if span is None else span[1] for span in intervals], float)
    assert [tuple(pair) for pair in overlapping_pairs(cameras, start, end)] == overlaps_by_loops(cameras, intervals)


def test_golden_nodes():
    features = unit(np.array([[1, 0], [0, 1], [3, 4], [3, 4], [-3, 4], [0, -1]], float))
    seconds = np.array([1.0, 3.0, 3.0, 9.0, 5.0, 4.0])
    nodes = nodes_of(features, np.array([7, 7, 7, 7, 7, 7]), Tracklets(np.array(MAKES_TWO_OF), seconds))
    np.testing.assert_allclose(nodes.features, unit(np.array([[1, 1], [3, 12], [0, -1]])), atol=1e-6)
    assert nodes.of_image.tolist() == [0, 0, 1, 1, 1, 2]
    assert nodes.apart.tolist() == [[0, 1], [1, 2]]
    assert nodes.seconds.tolist() == [2.0, 6.0, 4.0]
    assert [nodes.scaled(count, least=2) for count in (1, 3, 20)] == [1, 2, 10]


def test_without_tracklets_every_image_is_what_it_was():
    features = unit(np.random.default_rng(0).standard_normal((7, 3)))
    nodes = nodes_of(features, np.zeros(7, int), None)
    assert nodes.features is features
    assert nodes.of_image.tolist() == list(range(7))
    assert [nodes.scaled(count, least=5) for count in (1, 4, 20)] == [1, 4, 20]


def test_images_that_point_in_opposite_directions_leave_the_first_one():
    features = np.array([[1, 0], [-1, 0]], np.float32)
    nodes = nodes_of(features, None, Tracklets(np.zeros(2, int), np.zeros(2)))
    assert nodes.features.tolist() == [[1, 0]]


def test_images_alone_give_the_labels_of_no_tracklets():
    features, _, cameras, _ = make_footage()
    alone = Tracklets(np.full(len(features), -1), np.full(len(features), np.nan))
    plain = assign_pseudo_labels(features, cameras, k1=15, camera_aware=True)
    same = assign_pseudo_labels(features, cameras, k1=15, camera_aware=True, tracklets=alone)
    np.testing.assert_array_equal(plain.labels, same.labels)


@pytest.mark.parametrize("seed", range(3))
def test_links_hold_and_people_seen_at_once_are_apart(seed):
    features, people, cameras, tracklets = make_footage(seed)
    plain = assign_pseudo_labels(features, cameras, k1=15, eps="auto", camera_aware=True)
    found = assign_pseudo_labels(features, cameras, k1=15, eps="auto", camera_aware=True, tracklets=tracklets)
    for tracklet in np.unique(tracklets.ids):
        assert len(set(found.labels[tracklets.ids == tracklet].tolist())) == 1
    together = found.labels[:, None] == found.labels[None]
    at_once = (cameras[:, None] == cameras[None]) & (people[:, None] // 2 == people[None] // 2)
    different = people[:, None] != people[None]
    assert not (together & at_once & different & (found.labels >= 0)[:, None]).any()
    scores = [agreement(labels.labels, people)["adjusted_rand"] for labels in (plain, found)]
    assert scores[1] > scores[0] + 0.1


def test_unreliable_images_are_counted_and_not_nodes():
    features, _, cameras, tracklets = make_footage(noise=2.0)
    found = assign_pseudo_labels(
        features, cameras, k1=15, eps=0.6, eps_gap=0.15, camera_aware=True, tracklets=tracklets
    )
    plain = assign_pseudo_labels(
        features, cameras, k1=15, eps=0.6, eps_gap=None, camera_aware=True, tracklets=tracklets
    )
    assert found.num_unreliable == found.num_outliers - plain.num_outliers > 0
    assert found.num_unreliable % 5 == 0


@pytest.mark.parametrize(
    ("ids", "cameras", "message"),
    [
        ([0, 0], [0, 0, 0], "2 tracklet numbers for 3 images"),
        ([0, 0, 1], [0, 1, 1], "tracklet 0 has images of several"),
    ],
)
def test_tracklets_that_do_not_fit_are_refused(ids, cameras, message):
    with pytest.raises(DataError, match=message):
        nodes_of(np.eye(3, dtype=np.float32), np.array(cameras), Tracklets(np.array(ids), np.zeros(len(ids))))


def test_every_image_needs_a_moment():
    with pytest.raises(DataError, match="one of each"):
        Tracklets(np.zeros(3, int), np.zeros(2))
