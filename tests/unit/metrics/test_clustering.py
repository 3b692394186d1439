import itertools

import numpy as np
import pytest

from pipeline.errors import DataError
from pipeline.metrics.clustering import agreement, cluster_summary, cross_camera_share, silhouette_of_centroids


def test_equal_labellings_agree_whatever_the_names():
    result = agreement(np.array([0, 0, 1, 1, -1]), np.array([5, 5, 2, 2, 9]))
    assert result == {
        "adjusted_rand": 1.0,
        "normalised_mutual_information": pytest.approx(1.0),
        "pair_precision": 1.0,
        "pair_recall": 1.0,
    }


def test_pair_shares_equal_a_loop_over_pairs():
    rng = np.random.default_rng(0)
    labels, others = rng.integers(-1, 4, 40), rng.integers(0, 5, 40)
    pairs = list(itertools.combinations(range(40), 2))
    in_first = {(i, j) for i, j in pairs if labels[i] == labels[j] >= 0}
    in_second = {(i, j) for i, j in pairs if others[i] == others[j]}
    result = agreement(labels, others)
    assert result["pair_precision"] == pytest.approx(len(in_first & in_second) / len(in_first))
    assert result["pair_recall"] == pytest.approx(len(in_first & in_second) / len(in_second))


def test_labellings_of_different_length_are_refused():
    with pytest.raises(DataError):
        agreement(np.zeros(3, int), np.zeros(4, int))


def test_summary_of_clusters_golden_and_empty():
    assert cluster_summary(np.array([0, 0, 0, 2, -1])) == {
        "images": 5,
        "clusters": 2,
        "outliers": 1,
        "smallest": 1,
        "median": 2.0,
        "largest": 3,
        "largest_share": 0.6,
    }
    assert cluster_summary(np.array([-1, -1]))["clusters"] == 0
    assert cluster_summary(np.zeros(0, int))["largest_share"] == 0.0


def test_share_of_clusters_across_cameras():
    labels, cameras = np.array([0, 0, 1, 1, 2, 2, -1]), np.array([0, 1, 1, 1, -1, 0, 3])
    assert cross_camera_share(labels, cameras) == pytest.approx(1 / 3)
    assert cross_camera_share(np.array([-1]), np.array([0])) == 0.0


def loop_silhouette(features, labels):
    unit = lambda v: v / np.linalg.norm(v)  # noqa: E731
    rows = [unit(row) for row in features]
    scores = []
    for i, label in enumerate(labels):
        mates = [j for j in range(len(rows)) if labels[j] == label and j != i]
        if label < 0 or not mates:
            scores.append(0.0)
            continue
        a = 1 - rows[i] @ unit(sum(rows[j] for j in mates))
        rest = sorted({c for c in labels if c >= 0 and c != label})
        b = min(1 - rows[i] @ unit(sum(rows[j] for j in range(len(rows)) if labels[j] == c)) for c in rest)
        scores.append((b - a) / max(a, b))
    return sum(scores) / len(scores)


def test_silhouette_equals_the_loop_and_does_not_see_scale():
    rng = np.random.default_rng(0)
    labels = rng.integers(-1, 5, 60)
    features = rng.standard_normal((60, 6)) + np.eye(6)[labels] * 2
    value = silhouette_of_centroids(features, labels)
    # float32 against float64
    assert value == pytest.approx(loop_silhouette(features, labels), abs=1e-5)
    assert silhouette_of_centroids(features * 7, labels) == pytest.approx(value, abs=1e-6)


def test_silhouette_prefers_the_true_clusters_and_is_zero_without_two():
    rng = np.random.default_rng(1)
    truth = np.repeat(np.arange(4), 10)
    features = np.eye(4)[truth] + 0.1 * rng.standard_normal((40, 4))
    assert silhouette_of_centroids(features, truth) > 0.8
    assert silhouette_of_centroids(features, rng.permutation(truth)) < 0.1
    assert silhouette_of_centroids(features, np.zeros(40, int)) == 0.0
    assert silhouette_of_centroids(features, np.full(40, -1)) == 0.0
