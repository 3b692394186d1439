"""Numbers of each camera's queries."""

import numpy as np
import pytest

from pipeline.errors import DataError
from pipeline.metrics.by_camera import scores_by_camera
from pipeline.metrics.ranking import rank_queries


def make_result(seed=0, queries=30, gallery=60):
    rng = np.random.default_rng(seed)
    ids, cameras = rng.integers(0, 6, queries), rng.integers(-1, 3, queries)
    # A person that the gallery does not show is skipped.
    ids[0] = 99
    result = rank_queries(
        rng.standard_normal((queries, 4)), ids, cameras,
        rng.standard_normal((gallery, 4)), rng.integers(0, 6, gallery), rng.integers(0, 3, gallery),
    )  # fmt: skip
    return result, cameras


def by_loops(result, cameras, names):
    found = {}
    for number, name in [*enumerate(names), (-1, "unknown")]:
        rows = [i for i in range(len(cameras)) if cameras[i] == number and result.valid[i]]
        if rows:
            hits = sum(result.first_rank[i] == 1 for i in rows)
            found[name] = {
                "mAP": sum(result.ap[i] for i in rows) / len(rows), "rank1": hits / len(rows), "queries": len(rows)
            }  # fmt: skip
    return found


@pytest.mark.parametrize("seed", range(4))
def test_it_equals_the_loops_and_its_weighted_mean_is_that_of_all(seed):
    result, cameras = make_result(seed)
    found = scores_by_camera(result, cameras, names=["a", "b", "c", "d"])
    expected = by_loops(result, cameras, ["a", "b", "c", "d"])
    assert list(found) == list(expected) == ["a", "b", "c", "unknown"]
    for name, row in found.items():
        assert row == pytest.approx(expected[name])
    total = sum(row["queries"] for row in found.values())
    assert total == result.num_queries - result.num_skipped
    assert sum(row["mAP"] * row["queries"] for row in found.values()) / total == pytest.approx(result.mAP)
    assert sum(row["rank1"] * row["queries"] for row in found.values()) / total == pytest.approx(result.cmc[1])


def test_golden_two_cameras():
    gallery = np.eye(3)
    query = np.array([[1, 0.5, 0], [1, 0.5, 0]])
    result = rank_queries(query, np.array([7, 8]), np.array([0, 1]), gallery, np.array([7, 8, 9]), np.array([1, 0, 0]))
    assert scores_by_camera(result, np.array([0, 1]), names=["in", "out"]) == {
        "in": {"mAP": 1.0, "rank1": 1.0, "queries": 1},
        "out": {"mAP": 0.5, "rank1": 0.0, "queries": 1},
    }


def test_a_camera_for_each_query_is_needed():
    result, cameras = make_result()
    with pytest.raises(DataError, match="29 cameras for 30 queries"):
        scores_by_camera(result, cameras[1:], names=["a"])
