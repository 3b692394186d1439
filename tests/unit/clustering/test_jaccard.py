import math

import numpy as np
import pytest

from pipeline.clustering.jaccard import TINY, camera_aware_jaccard_distance, jaccard_distance
from pipeline.errors import DataError
from pipeline.retrieval import reciprocal
from tests.references.jaccard import dense_camera_aware_jaccard, dense_jaccard


def make_features(count=60, seed=0, noise=0.6, clusters=8, dimension=8):
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((clusters, dimension))
    rows = centres[np.arange(count) % clusters] + noise * rng.standard_normal((count, dimension))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def assert_equals_dense(matrix, dense, keep_below):
    stored = matrix.toarray()
    is_stored = stored > 0
    # Exactly the close pairs are stored, up to rounding at the bound.
    assert is_stored[dense <= keep_below - 1e-6].all() or keep_below == 1.0
    assert not is_stored[dense > keep_below + 1e-6].any()
    np.testing.assert_allclose(stored[is_stored], dense[is_stored], atol=1e-6)
    assert (dense[~is_stored] > keep_below - 1e-6).all()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("convention", ["clustering", "reranking"])
@pytest.mark.parametrize(("k1", "k2", "keep_below"), [(10, 3, 0.62), (15, 6, 1.0), (25, 1, 0.5), (4, 2, 0.9)])
def test_sparse_distance_equals_the_dense_definition(seed, convention, k1, k2, keep_below):
    features = make_features(seed=seed)
    matrix = jaccard_distance(features, k1=k1, k2=k2, keep_below=keep_below, convention=convention)
    assert_equals_dense(matrix, dense_jaccard(features, k1, k2, convention), keep_below)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("k1", "k2"), [((3, 8), (2, 4)), ((5, 20), (1, 0)), ((2, 2), (3, 3))])
@pytest.mark.parametrize("keep_below", [0.6, 1.0])
def test_camera_aware_distance_equals_the_dense_definition(seed, k1, k2, keep_below):
    features = make_features(seed=seed)
    cameras = np.random.default_rng(seed).integers(-1, 3, len(features))
    matrix = camera_aware_jaccard_distance(features, cameras, k1=k1, k2=k2, keep_below=keep_below)
    assert_equals_dense(matrix, dense_camera_aware_jaccard(features, cameras, k1, k2), keep_below)


def test_many_small_blocks_give_the_same_matrix(monkeypatch):
    features = make_features(count=120)
    expected = jaccard_distance(features, k1=10, k2=3, keep_below=0.9)
    monkeypatch.setattr(reciprocal, "BLOCK_ENTRIES", 500)
    monkeypatch.setattr(reciprocal, "PAIR_BLOCK", 7)
    result = jaccard_distance(features, k1=10, k2=3, keep_below=0.9)
    assert (result != expected).nnz == 0


def test_three_points_on_a_line_golden():
    # Lists of 2: 0 and 1 are reciprocal, 3 is alone. V_0 = (1, e^-1) / (1 + e^-1) and its mirror image,
    # so S = 2 e^-1 / (1 + e^-1) and d = 1 - S / (2 - S) = 1 - e^-1.
    matrix = jaccard_distance(np.array([[0.0], [1.0], [3.0]]), k1=2, k2=1, keep_below=1.0).toarray()
    assert matrix[0, 1] == pytest.approx(1 - math.exp(-1), abs=1e-6)
    assert matrix[0, 2] == matrix[1, 2] == 0.0


def test_matrix_is_symmetric_with_a_tiny_positive_diagonal():
    matrix = jaccard_distance(make_features(), k1=10, k2=3, keep_below=0.7)
    assert (matrix != matrix.T).nnz == 0
    np.testing.assert_allclose(matrix.diagonal(), TINY, rtol=1e-6)
    assert matrix.has_sorted_indices
    assert (matrix.data > 0).all()
    assert matrix.data.max() <= 0.7


def test_identical_images_are_stored_as_neighbours():
    matrix = jaccard_distance(np.ones((5, 3)), k1=5, k2=2, keep_below=0.5)
    assert matrix.nnz == 25
    assert matrix.data.max() < 1e-6


def test_order_of_the_images_does_not_matter():
    features = make_features()
    order = np.random.default_rng(1).permutation(len(features))
    expected = jaccard_distance(features, k1=10, k2=3, keep_below=0.9).toarray()
    shuffled = jaccard_distance(features[order], k1=10, k2=3, keep_below=0.9).toarray()
    np.testing.assert_allclose(shuffled, expected[np.ix_(order, order)], atol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_tiny_sets_work(count):
    matrix = jaccard_distance(make_features(count))
    assert matrix.shape == (count, count)
    assert (matrix.diagonal() > 0).all()


def test_one_camera_falls_back_to_the_plain_distance():
    features = make_features()
    aware = camera_aware_jaccard_distance(features, np.full(len(features), 4), k1=(3, 7), k2=(1, 2))
    assert (aware != jaccard_distance(features, k1=10, k2=3)).nnz == 0


@pytest.mark.parametrize(
    ("features", "options"),
    [
        (np.zeros((0, 3)), {}),
        (np.full((3, 3), np.nan), {}),
        (np.zeros(3), {}),
        (np.zeros((3, 3)), {"keep_below": 0.0}),
        (np.zeros((3, 3)), {"keep_below": 1.5}),
        (np.zeros((3, 3)), {"convention": "other"}),
    ],
)
def test_wrong_input_is_refused(features, options):
    with pytest.raises(DataError):
        jaccard_distance(features, **options)


def test_cameras_of_another_length_are_refused():
    with pytest.raises(DataError, match="one camera for each"):
        camera_aware_jaccard_distance(np.zeros((3, 3)), np.zeros(2, int))
