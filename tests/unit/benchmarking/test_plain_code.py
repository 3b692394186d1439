import numpy as np

from pipeline.benchmarking.dense_reciprocal import (
    dense_jaccard,
    dense_neighbours,
    dense_squared_distances,
    dense_weights,
)
from pipeline.benchmarking.made_features import IMAGES_A_PERSON, person_features, query_and_gallery
from tests.references.jaccard import dense_jaccard as looped


def test_the_plain_code_of_the_benchmarks_equals_the_loops():
    features, _ = person_features(60, dimension=8, noise=0.6)
    weights = dense_weights(dense_squared_distances(features), dense_neighbours(features, 10), k1=10, k2=3)
    np.testing.assert_allclose(dense_jaccard(weights, 60), looped(features, 10, 3), atol=1e-5)


def test_made_features_are_unit_vectors_that_repeat_and_know_their_persons():
    features, ids = person_features(170, dimension=12, seed=3)
    np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1.0, rtol=1e-5)
    assert features.tobytes() == person_features(170, dimension=12, seed=3)[0].tobytes()
    assert ids.max() < 170 // IMAGES_A_PERSON


def test_queries_and_gallery_share_their_persons():
    query, query_ids, query_cameras, gallery, gallery_ids, cameras = query_and_gallery(30, 200, dimension=12, noise=0.5)
    assert (len(query), len(query_ids), len(query_cameras)) == (30, 30, 30)
    assert (len(gallery), len(gallery_ids), len(cameras)) == (200, 200, 200)
    assert np.isin(query_ids, gallery_ids).all()
    centres = np.stack([gallery[gallery_ids == person].mean(axis=0) for person in range(10)])
    assert (np.argmax(query @ centres.T, axis=1) == query_ids).mean() > 0.9
