import numpy as np
import pytest

from pipeline.errors import DataError
from pipeline.metrics.neighbour_ranking import rank_from_neighbours
from pipeline.metrics.ranking import rank_queries
from tests.unit.metrics.test_ranking import make_columns


def make_lists(columns):
    distances = ((columns[0][:, None].astype(np.float64) - columns[3]) ** 2).sum(-1)
    return np.argsort(distances, axis=1, kind="stable")


def ids_and_cameras(columns):
    return columns[1], columns[2], columns[4], columns[5]


@pytest.mark.parametrize("ap", ["step", "trapezoid"])
@pytest.mark.parametrize("cameras", ["discard_same", "unknown"])
def test_complete_lists_give_the_exact_ranking(ap, cameras):
    columns = make_columns(4)
    columns[4][::9] = -1
    columns[2][0] = columns[5][3] = -1
    exact = rank_queries(*columns, metric="euclidean", ap=ap, cameras=cameras)
    listed = rank_from_neighbours(make_lists(columns), *ids_and_cameras(columns), ap=ap, cameras=cameras)
    assert (listed.mAP, listed.mINP, listed.cmc) == (exact.mAP, exact.mINP, exact.cmc)
    np.testing.assert_array_equal(listed.first_rank, exact.first_rank)


def test_a_positive_outside_the_list_counts_as_never_found():
    result = rank_from_neighbours(
        np.array([[2, 0], [1, -1]]), np.array([7, 8]), np.array([0, 0]), np.array([7, 7, 1, 8]), np.array([1, 1, 1, 1])
    )
    # Query 7: hit at rank 2 of 2 positives, the other is missing; query 8: its only positive is missing.
    assert result.ap.tolist() == [pytest.approx((1 / 2 + 0) / 2), 0.0]
    assert result.inp.tolist() == [0.0, 0.0]
    assert result.first_rank.tolist() == [2.0, np.inf]
    assert result.cmc == {1: 0.0, 5: 0.5, 10: 0.5}
    assert "lists of 2" in result.semantics["metric"]


def test_shorter_lists_never_raise_the_scores():
    columns = make_columns(5)
    lists = make_lists(columns)
    scores = [rank_from_neighbours(lists[:, :k], *ids_and_cameras(columns)).mAP for k in (1, 5, 20, 60)]
    assert scores == sorted(scores)


def test_positions_outside_the_gallery_are_refused():
    columns = make_columns(5)
    with pytest.raises(DataError, match="positions in the gallery"):
        rank_from_neighbours(np.full((12, 2), 60), *ids_and_cameras(columns))
