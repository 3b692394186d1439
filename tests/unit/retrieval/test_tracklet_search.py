"""One direction for each tracklet, and the nearest of each camera."""

import numpy as np
import pytest

from pipeline.retrieval.tracklet_search import cosine_distances, nearest_by_camera, tracklet_features


def make_features(seed=0, count=30, width=6):
    return np.random.default_rng(seed).normal(size=(count, width))


def test_directions_equal_the_loops():
    features = make_features()
    tracklets = np.random.default_rng(1).permutation(np.arange(30) % 7)
    found = tracklet_features(features, tracklets, 7)
    for tracklet in range(7):
        total = np.zeros(6)
        for row in np.flatnonzero(tracklets == tracklet):
            total += features[row] / np.sqrt((features[row] ** 2).sum())
        np.testing.assert_allclose(found[tracklet], total / np.sqrt((total**2).sum()), atol=1e-6)


def test_lengths_of_crops_do_not_matter():
    features, tracklets = make_features(), np.arange(30) % 4
    scaled = features * np.random.default_rng(2).uniform(0.1, 9, (30, 1))
    np.testing.assert_allclose(
        tracklet_features(features, tracklets, 4), tracklet_features(scaled, tracklets, 4), atol=1e-6
    )


def test_distances_by_hand():
    features = np.array([[1.0, 0.0], [0.0, 2.0], [-3.0, 0.0], [1.0, 1.0]])
    assert cosine_distances(np.array([5.0, 0.0]), features) == pytest.approx([0, 1, 2, 1 - np.sqrt(0.5)])


def test_crops_that_cancel_out_give_no_number_that_is_none():
    found = tracklet_features(np.array([[1.0, 0.0], [-1.0, 0.0]]), np.zeros(2, np.int64), 1)
    assert np.isfinite(found).all()


def test_the_nearest_of_each_camera_come_in_order_and_ties_by_position():
    cameras = ["b", "a", "b", "a", "b"]
    found = nearest_by_camera(np.array([0.3, 0.2, 0.1, 0.2, 0.9]), cameras, count=2)
    assert {camera: rows.tolist() for camera, rows in found.items()} == {"a": [1, 3], "b": [2, 0]}
    assert list(found) == ["a", "b"]
    assert nearest_by_camera(np.zeros(0), [], count=3) == {}
