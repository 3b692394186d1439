import tracemalloc

import numpy as np
import pytest
from sklearn.cluster import DBSCAN

from pipeline.clustering.dbscan import dbscan_labels, renumbered, without_small_clusters
from pipeline.clustering.jaccard import jaccard_distance
from pipeline.errors import DataError
from tests.references.jaccard import dense_jaccard
from tests.unit.clustering.test_jaccard import make_features


@pytest.mark.parametrize("noise", [0.3, 0.5, 0.8])
@pytest.mark.parametrize("eps", [0.4, 0.5, 0.6])
def test_sparse_labels_equal_the_dense_ones(noise, eps):
    features = make_features(count=90, noise=noise)
    labels = dbscan_labels(jaccard_distance(features, k1=12, k2=4, keep_below=0.62), eps=eps)
    dense = DBSCAN(eps=eps, min_samples=4, metric="precomputed").fit_predict(dense_jaccard(features, 12, 4))
    np.testing.assert_array_equal(labels, renumbered(dense))


def test_memory_is_that_of_the_stored_pairs():
    features = make_features(count=2000, noise=0.3, clusters=133, dimension=16)
    distances = jaccard_distance(features, k1=12, k2=4, keep_below=0.62)
    tracemalloc.start()
    dbscan_labels(distances, eps=0.6)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # 8 bytes for each of two copies of the pairs' columns, and a Python list entry with an array's header a row.
    assert peak < 24 * distances.nnz + 600 * 2000 < 4 * 2000**2 / 4


def test_clusters_are_numbered_by_first_appearance():
    assert renumbered(np.array([-1, 7, 2, 7, -3, 0])).tolist() == [-1, 0, 1, 0, -1, 2]
    assert renumbered(np.zeros(0, int)).tolist() == []


def test_the_image_itself_counts_as_a_sample():
    matrix = jaccard_distance(np.array([[0.0], [0.01], [5.0]]), k1=2, k2=1, keep_below=0.62)
    assert dbscan_labels(matrix, eps=0.5, min_samples=2).tolist() == [0, 0, -1]
    assert dbscan_labels(matrix, eps=0.5, min_samples=1).tolist() == [0, 0, 1]
    assert dbscan_labels(matrix, eps=0.5, min_samples=3).tolist() == [-1, -1, -1]


def test_small_clusters_become_outliers():
    labels = np.array([0, 1, 1, 2, 2, 2, -1])
    assert without_small_clusters(labels, min_size=2).tolist() == [-1, 0, 0, 1, 1, 1, -1]
    assert without_small_clusters(labels, min_size=4).tolist() == [-1] * 7
    assert without_small_clusters(np.array([-1, -1]), min_size=2).tolist() == [-1, -1]


@pytest.mark.parametrize("options", [{"eps": 0.0}, {"eps": 0.5, "min_samples": 0}])
def test_numbers_that_are_not_positive_are_refused(options):
    with pytest.raises(DataError):
        dbscan_labels(jaccard_distance(np.eye(3)), **options)
