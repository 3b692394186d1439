import numpy as np
import pytest

from pipeline.errors import DataError
from pipeline.retrieval.search import camera_lists, knn_graph, ordered_lists, search_by, with_self_first


def make_features(count, seed=0, dimension=6):
    return np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)


def loop_lists(features, k, allowed=lambda i, j: True):
    rows = features.astype(np.float64)
    lists = []
    for i in range(len(rows)):
        others = [j for j in range(len(rows)) if allowed(i, j)]
        lists.append(sorted(others, key=lambda j: (j != i, ((rows[i] - rows[j]) ** 2).sum(), j))[:k])
    return lists


@pytest.mark.parametrize("kind", ["flat", "torch"])
def test_graph_equals_the_loop_with_the_row_first(kind):
    features = make_features(40)
    options = {"device": "cpu"} if kind == "torch" else {}
    distances, positions = knn_graph(features, 5, search=search_by(kind, **options))
    assert positions.tolist() == loop_lists(features, 5)
    assert (distances[:, 0] == 0).all()
    assert (np.diff(distances, axis=1) >= 0).all()


@pytest.mark.parametrize("kind", ["flat", "torch"])
def test_every_row_is_first_in_its_list_among_duplicates(kind):
    features = np.repeat(make_features(3), 10, axis=0)
    options = {"device": "cpu"} if kind == "torch" else {}
    _, positions = knn_graph(features, 4, search=search_by(kind, **options))
    np.testing.assert_array_equal(positions[:, 0], np.arange(30))
    assert all(len(set(row)) == 4 for row in positions.tolist())
    assert (positions // 10 == np.arange(30)[:, None] // 10).all()


def test_lists_are_no_longer_than_the_set():
    assert knn_graph(make_features(3), 30)[1].shape == (3, 3)
    assert knn_graph(make_features(1), 30)[1].tolist() == [[0]]


@pytest.mark.parametrize(("count", "k"), [(0, 3), (3, 0)])
def test_nothing_to_search_is_an_error(count, k):
    with pytest.raises(DataError):
        knn_graph(make_features(count), k)


def test_equal_distances_are_ordered_by_position():
    distances, positions = ordered_lists(np.array([[1.0, 0.0, 1.0, 0.0]]), np.array([[3, 9, 1, 4]]))
    assert distances.tolist() == [[0.0, 0.0, 1.0, 1.0]]
    assert positions.tolist() == [[4, 9, 1, 3]]


def test_self_replaces_the_last_neighbour_where_it_is_missing():
    distances, positions = with_self_first(np.array([[0.0, 0.1], [0.0, 0.2]]), np.array([[1, 0], [0, 2]]))
    assert positions.tolist() == [[0, 1], [1, 0]]
    assert distances.tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_camera_lists_equal_the_loop():
    features, cameras = make_features(30), np.array([0, 1, -1] * 10)
    inside, across = camera_lists(features, cameras, intra=3, inter=4)
    assert inside.tolist() == loop_lists(features, 4, lambda i, j: cameras[i] == cameras[j])
    assert across.tolist() == loop_lists(features, 4, lambda i, j: cameras[i] != cameras[j])


def test_small_cameras_have_shorter_lists():
    inside, across = camera_lists(make_features(4), np.array([0, 0, 0, 1]), intra=2, inter=2)
    assert inside[3].tolist() == [3, -1, -1]
    assert across[0].tolist() == [3, -1]
    assert sorted(across[3].tolist())[0] >= 0
