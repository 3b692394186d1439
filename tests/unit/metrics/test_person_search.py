"""Person search: AP over detected boxes times recall, against loops, by hand, and at the edges."""

import numpy as np
import pytest

from pipeline.metrics.person_search import SearchQuery, person_search_score, search_ap, search_hits
from tests.references.person_search import ap_and_recall


def make_query(seed=0, boxes=40, scenes=8, missed=2):
    rng = np.random.default_rng(seed)
    place = rng.integers(0, scenes, boxes)
    is_match = rng.random(boxes) < 0.25
    distances = np.round(rng.random(boxes), 1)
    return SearchQuery(distances, is_match, place, max(1, len(set(place[is_match].tolist())) + missed))


@pytest.mark.parametrize("seed", range(20))
def test_scores_equal_the_loops(seed):
    query = make_query(seed)
    found = search_ap(query)
    rows = [column.tolist() for column in (query.distances, query.is_match, query.scenes)]
    assert found == pytest.approx(ap_and_recall(*rows, query.num_scenes))


def test_a_list_worked_out_by_hand():
    distances, is_match = np.array([0.1, 0.2, 0.3, 0.4, 0.5]), np.array([True, True, False, True, False])
    query = SearchQuery(distances, is_match, np.array([3, 3, 3, 7, 7]), 4)
    assert search_hits(query).tolist() == [True, False, False, True, False]
    assert search_ap(query) == pytest.approx(((1 / 1 + 2 / 4) / 2, 2 / 4))
    score = person_search_score([query])
    assert (score.mAP, score.top1, score.recall, score.ranking_map) == pytest.approx((0.375, 1.0, 0.5, 0.75))


def test_the_product_is_the_usual_ap_with_missed_people_at_the_end_of_the_list():
    query = make_query(3, missed=0)
    ap, recall = search_ap(query)
    assert recall == 1.0
    more = SearchQuery(query.distances, query.is_match, query.scenes, 2 * query.num_scenes)
    assert np.prod(search_ap(more)) == pytest.approx(ap / 2)


def test_a_second_box_in_a_scene_is_wrong_and_its_order_does_not_matter():
    once = SearchQuery(np.array([0.1, 0.3]), np.array([True, True]), np.array([0, 1]), 2)
    twice = SearchQuery(np.array([0.1, 0.2, 0.3]), np.ones(3, bool), np.array([0, 0, 1]), 2)
    assert search_ap(once) == (1.0, 1.0)
    assert search_ap(twice) == pytest.approx(((1 + 2 / 3) / 2, 1.0))
    order = np.array([2, 0, 1])
    moved = SearchQuery(twice.distances[order], twice.is_match[order], twice.scenes[order], 2)
    assert search_ap(moved) == search_ap(twice)


def test_distances_may_be_stretched():
    query = make_query(5)
    stretched = SearchQuery(np.exp(3 * query.distances), query.is_match, query.scenes, query.num_scenes)
    assert search_ap(stretched) == search_ap(query)


def test_who_was_never_found_scores_nothing():
    lost = SearchQuery(np.array([0.1, 0.2]), np.zeros(2, bool), np.array([0, 1]), 3)
    empty = SearchQuery(np.zeros(0), np.zeros(0, bool), np.zeros(0, np.int64), 1)
    for query in (lost, empty):
        assert search_ap(query) == (0.0, 0.0)
    score = person_search_score([lost, empty])
    assert (score.mAP, score.top1, score.recall, score.ranking_map) == (0.0, 0.0, 0.0, 0.0)


def test_who_was_not_found_lowers_map_and_not_the_map_of_what_was():
    found = SearchQuery(np.array([0.1]), np.array([True]), np.array([0]), 1)
    lost = SearchQuery(np.array([0.1]), np.array([False]), np.array([0]), 1)
    score = person_search_score([found, lost])
    assert (score.mAP, score.recall, score.ranking_map) == (0.5, 0.5, 1.0)
    assert score.ap.tolist() == [1.0, 0.0]


@pytest.mark.parametrize(("scenes", "wanted"), [([0, 1], 1), ([0, 1], 0)])
def test_more_scenes_than_there_are_is_a_mistake(scenes, wanted):
    with pytest.raises(AssertionError, match="scenes"):
        SearchQuery(np.zeros(2), np.ones(2, bool), np.array(scenes), wanted)
