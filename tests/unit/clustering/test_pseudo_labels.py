import logging

import numpy as np
import pytest

from pipeline.clustering.collapse import EQUAL_FEATURES, collapse_of, features_are_equal
from pipeline.clustering.dbscan import renumbered
from pipeline.clustering.pseudo_labels import assign_pseudo_labels, cluster_centroids
from pipeline.errors import DataError
from pipeline.metrics.clustering import agreement


def make_target(count=240, persons=12, noise=0.8, camera_shift=0.0, seed=0, dimension=48):
    """Unnormalised features of persons under 4 cameras, each of which shifts all features its own way."""
    rng = np.random.default_rng(seed)
    ids, cameras = np.arange(count) % persons, rng.integers(0, 4, count)
    centres, shifts = rng.standard_normal((persons, dimension)), rng.standard_normal((4, dimension))
    features = centres[ids] + noise * rng.standard_normal((count, dimension)) + camera_shift * shifts[cameras]
    return features.astype(np.float32) * 10, ids, cameras


@pytest.mark.parametrize("eps", [0.6, "auto"])
@pytest.mark.parametrize("camera_aware", [False, True])
def test_separate_persons_are_found_without_labels(eps, camera_aware):
    features, ids, cameras = make_target()
    result = assign_pseudo_labels(features, cameras, k1=15, eps=eps, eps_gap=None, camera_aware=camera_aware)
    assert agreement(result.labels, ids)["adjusted_rand"] > 0.95
    assert result.num_clusters == 12
    assert result.collapse is None


def test_camera_aware_lists_find_persons_that_cameras_pull_apart():
    features, ids, cameras = make_target(camera_shift=1.5)
    scores = {}
    for camera_aware in (False, True):
        result = assign_pseudo_labels(features, cameras, k1=15, eps="auto", camera_aware=camera_aware)
        scores[camera_aware] = agreement(result.labels, ids)["adjusted_rand"]
    assert scores[True] > 0.9 > 0.5 > scores[False]


def test_labels_are_numbered_by_first_appearance_and_repeat():
    features, _, cameras = make_target()
    first = assign_pseudo_labels(features, cameras, k1=15)
    np.testing.assert_array_equal(first.labels, renumbered(first.labels))
    np.testing.assert_array_equal(first.labels, assign_pseudo_labels(features, cameras, k1=15).labels)


def test_length_of_features_does_not_matter():
    features, _, _ = make_target()
    scaled = features * np.linspace(0.5, 4, len(features), dtype=np.float32)[:, None]
    np.testing.assert_array_equal(
        assign_pseudo_labels(features, k1=15).labels, assign_pseudo_labels(scaled, k1=15).labels
    )


def test_reliability_rule_removes_images_and_hands_its_threshold_on():
    features, ids, _ = make_target(noise=1.4)
    plain = assign_pseudo_labels(features, k1=15, eps_gap=None)
    first = assign_pseudo_labels(features, k1=15, eps_gap=0.1)
    assert plain.independence_threshold is None
    assert first.num_unreliable > 0
    assert first.num_outliers >= plain.num_outliers + first.num_unreliable
    assert agreement(first.labels, ids)["pair_precision"] >= agreement(plain.labels, ids)["pair_precision"]
    later = assign_pseudo_labels(features, k1=15, eps_gap=0.1, independence_threshold=2.0)
    assert later.independence_threshold == 2.0
    assert later.num_clusters == 0


def test_centroids_are_normalised_means_in_label_order():
    features = np.array([[2.0, 0.0], [0.0, 2.0], [0.0, 5.0], [1.0, 1.0]], np.float32)
    centroids = cluster_centroids(features, np.array([1, 0, 0, -1]))
    np.testing.assert_allclose(centroids, [[0.0, 1.0], [1.0, 0.0]], atol=1e-7)
    assert cluster_centroids(features, np.full(4, -1)).shape == (0, 2)


def test_small_clusters_become_outliers():
    features, _, _ = make_target()
    result = assign_pseudo_labels(features, k1=15, min_cluster_size=21)
    assert (result.num_clusters, result.num_outliers) == (0, 240)


@pytest.mark.parametrize(
    ("labels", "message"),
    [([-1] * 6, "no cluster"), ([0, 0, -1, -1, -1, -1], "one cluster"), ([0, 0, 0, 0, 1, 1], "holds 4 of 6")],
)
def test_collapse_is_a_sentence(labels, message):
    assert message in collapse_of(np.array(labels))


def test_healthy_clusters_are_no_collapse():
    assert collapse_of(np.array([0, 0, 1, 1, 2, -1])) is None


@pytest.mark.parametrize(
    "features", [np.ones((20, 4)), np.zeros((20, 4)), np.random.default_rng(0).standard_normal((20, 4))[:1]]
)
def test_dead_or_single_features_are_reported_and_logged(features, caplog):
    with caplog.at_level(logging.WARNING):
        result = assign_pseudo_labels(features)
    assert result.collapse
    assert result.collapse in caplog.text


def test_equal_features_are_told_apart_from_near_ones_without_clustering():
    direction = np.random.default_rng(0).standard_normal(16)
    same = np.outer(np.arange(1, 5001), direction)
    assert assign_pseudo_labels(same).collapse == EQUAL_FEATURES
    unit = direction / np.linalg.norm(direction)
    assert features_are_equal(np.tile(unit, (4, 1)))
    assert not features_are_equal(unit[None])
    assert not features_are_equal(np.stack([unit, np.roll(unit, 1)]))


def test_summary_names_the_numbers_of_the_round():
    features, _, _ = make_target()
    summary = assign_pseudo_labels(features, k1=15, eps="auto").summary()
    assert summary["images"] == 240
    assert summary["clusters"] == 12
    assert 0 < summary["largest_share"] < 0.2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"eps": "best"}, "'auto'"),
        ({"eps": 0.0}, "eps"),
        ({"camera_aware": True}, "without cameras"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(DataError, match=message):
        assign_pseudo_labels(make_target()[0], **options)


def test_features_that_are_not_finite_are_refused():
    with pytest.raises(DataError, match="not finite"):
        assign_pseudo_labels(np.full((10, 3), np.nan))


def test_rows_without_a_direction_are_refused_by_number():
    features, _, _ = make_target()
    features[[7, 9]] = 0.0
    with pytest.raises(DataError, match=r"2 of 240 features are zero, the first is row 7"):
        assign_pseudo_labels(features, k1=15)
