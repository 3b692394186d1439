import math
import tracemalloc

import numpy as np
import pytest

from pipeline.clustering.jaccard import TINY, camera_aware_jaccard_distance, jaccard_distance
from pipeline.errors import DataError
from pipeline.retrieval import reciprocal
from pipeline.retrieval.search import search_by
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


@pytest.mark.cuda
def test_neighbours_searched_on_cuda_give_the_same_distances():
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    features = make_features(600, clusters=40)
    expected = jaccard_distance(features, k1=15, k2=4, keep_below=1.0).toarray()
    found = jaccard_distance(features, k1=15, k2=4, keep_below=1.0, search=search_by("torch")).toarray()
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("distance", ["plain", "camera_aware"])
def test_memory_grows_with_the_images_and_not_with_their_square(monkeypatch, distance):
    monkeypatch.setattr(reciprocal, "BLOCK_ENTRIES", 1 << 16)
    monkeypatch.setattr(reciprocal, "PAIR_BLOCK", 1 << 8)
    peaks = {}
    for count in (1000, 2000):
        features = make_features(count, noise=0.3, clusters=count // 15, dimension=16)
        tracemalloc.start()
        if distance == "plain":
            jaccard_distance(features, k1=15, k2=4)
        else:
            camera_aware_jaccard_distance(features, np.arange(count) % 4, k1=(4, 11), k2=(2, 2))
        peaks[count] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    # A row: three lists of 16, up to 64 weights and their roots, 16 pairs; in all well under 2,500 bytes. A block: 6
    # arrays of 4 bytes. One float32 N x N matrix would be 16 MB at the larger count.
    assert peaks[2000] < 2500 * 2000 + 24 * (1 << 16) < 4 * 2000**2 / 2
    assert peaks[2000] < 2.5 * peaks[1000]


def test_neighbours_at_equal_distances_are_taken_by_position():
    # Whole numbers have exact distances, so most rows have ties at the end of their lists.
    features = np.random.default_rng(3).integers(-1, 2, (50, 4)).astype(np.float32)
    matrix = jaccard_distance(features, k1=7, k2=3, keep_below=1.0)
    assert_equals_dense(matrix, dense_jaccard(features, 7, 3), 1.0)


def test_lists_longer_than_the_set_hold_everybody():
    features = make_features(12)
    matrix = jaccard_distance(features, k1=40, k2=30, keep_below=1.0)
    assert_equals_dense(matrix, dense_jaccard(features, 40, 30), 1.0)


def test_an_isolated_image_has_no_neighbour_and_changes_nobody():
    # With a local query expansion it would take over weights of those that it is far from, but nearest to.
    features = make_features(40, noise=0.2)
    before = jaccard_distance(features, k1=6, k2=1, keep_below=0.9)
    after = jaccard_distance(np.concatenate([features, np.full((1, 8), 50, np.float32)]), k1=6, k2=1, keep_below=0.9)
    assert after[40].nnz == 1
    assert (after[:40, :40] != before).nnz == 0


def test_copies_of_an_image_are_as_far_from_others_as_the_image():
    features = make_features(20, clusters=4)
    matrix = jaccard_distance(np.repeat(features, 3, axis=0), k1=9, k2=3, keep_below=1.0)
    assert_equals_dense(matrix, dense_jaccard(np.repeat(features, 3, axis=0), 9, 3), 1.0)
    assert matrix[0, 1] < 0.5 > matrix[0, 2]


def test_a_row_of_zeros_is_a_point_like_any_other():
    features = make_features(30) * np.linspace(0.5, 2.0, 30, dtype=np.float32)[:, None]
    features[4] = 0.0
    assert_equals_dense(jaccard_distance(features, k1=8, k2=3, keep_below=1.0), dense_jaccard(features, 8, 3), 1.0)


def test_the_same_features_give_the_same_bytes():
    features = make_features(80)
    first, second = (jaccard_distance(features, k1=10, k2=3, keep_below=0.9) for _ in range(2))
    assert first.data.tobytes() == second.data.tobytes()
    assert first.indices.tobytes() == second.indices.tobytes()


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
