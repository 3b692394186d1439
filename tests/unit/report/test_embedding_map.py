import numpy as np
import pytest

from pipeline.report.embedding_map import principal_components, project
from pipeline.report.page_maps import choose_persons


def make_groups(count: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    noise = np.random.default_rng(seed)
    groups = np.repeat(np.arange(4), count)
    return (noise.normal(size=(4, 16))[groups] + 0.05 * noise.normal(size=(4 * count, 16))).astype(np.float32), groups


def test_same_seed_gives_the_same_picture():
    features, _ = make_groups(10)
    first, second = project(features, 3), project(features, 3)
    assert first.dtype == np.float32
    assert first.shape == (40, 2)
    np.testing.assert_array_equal(first, second)


def test_nearest_neighbour_in_the_plane_is_of_the_same_group():
    features, groups = make_groups(12)
    points = project(features, 0)
    squared = ((points[:, None] - points[None]) ** 2).sum(-1)
    np.fill_diagonal(squared, np.inf)
    assert (groups[squared.argmin(axis=1)] == groups).all()


def test_length_of_a_row_does_not_matter():
    features, _ = make_groups(2)
    scaled = features * np.linspace(1, 9, len(features))[:, None].astype(np.float32)
    # t-SNE amplifies the last bit of float32, PCA does not: seven rows take the PCA path.
    np.testing.assert_allclose(project(features[:7], 0), project(scaled[:7], 0), atol=1e-5)


@pytest.mark.parametrize(("rows", "width"), [(0, 4), (1, 4), (2, 4), (3, 1), (7, 4), (9, 1), (9, 2), (12, 64)])
def test_small_and_thin_tables_give_finite_points(rows, width):
    points = project(np.random.default_rng(1).normal(size=(rows, width)), 0)
    assert points.shape == (rows, 2)
    assert np.isfinite(points).all()
    assert np.abs(points).max(initial=0) <= 1 + 1e-6


def test_equal_rows_fall_on_one_point():
    np.testing.assert_array_equal(project(np.ones((20, 8)), 0), np.zeros((20, 2)))
    np.testing.assert_array_equal(project(np.zeros((20, 8)), 0), np.zeros((20, 2)))


def test_features_that_are_not_finite_are_refused():
    with pytest.raises(AssertionError, match="not finite"):
        project(np.full((3, 2), np.nan), 0)


def test_components_equal_the_eigenvectors_of_the_covariance():
    table = np.random.default_rng(2).normal(size=(30, 5)) * [5, 4, 3, 2, 1]
    found = principal_components(table, count=3)
    centred = table - table.mean(axis=0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    expected = centred @ vectors[:, ::-1][:, :3]
    np.testing.assert_allclose(np.abs(found), np.abs(expected), rtol=1e-9, atol=1e-9)


def test_persons_seen_by_most_cameras_are_coloured_first():
    persons, cameras = np.array([4, 4, 4, 2, 2, 7, -1, -1]), np.array([1, 1, 1, 1, 2, 1, 1, 2])
    assert choose_persons(persons, cameras, count=12) == [2, 4, 7]
    assert choose_persons(persons, cameras, count=1) == [2]
