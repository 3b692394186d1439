import dataclasses
import tracemalloc

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from pipeline.errors import DataError
from pipeline.metrics.positives import NO_IDENTITY, NO_SUCH_PERSON, SAME_CAMERA_ONLY, GalleryGroups
from pipeline.metrics.ranking import rank_distances, rank_queries
from tests.references.ranking import loop_distance, loop_ranking, published_form


def make_columns(seed, queries=12, gallery=60, persons=6, cameras=3, dimension=8, levels=None):
    """Random columns; `levels` puts the features on a lattice, where many distances are exactly equal."""
    rng = np.random.default_rng(seed)
    columns = []
    for count in (queries, gallery):
        ids = rng.integers(0, persons, count)
        features = rng.standard_normal((count, dimension)) + 0.4 * np.sin(ids[:, None] + np.arange(dimension))
        if levels:
            features = np.round(features * levels)
        columns += [features.astype(np.float32), ids, rng.integers(0, cameras, count)]
    return columns


def loop_result(columns, metric, **options):
    query, query_ids, query_cameras, gallery, gallery_ids, gallery_cameras = columns
    table = [[loop_distance(q, g, metric) for g in gallery] for q in query]
    pairs = [list(zip(*who, strict=True)) for who in ((query_ids, query_cameras), (gallery_ids, gallery_cameras))]
    return loop_ranking(table, *pairs, **options)


def assert_same(result, expected):
    assert result.mAP == pytest.approx(expected["mAP"], abs=1e-9)
    assert result.mINP == pytest.approx(expected["mINP"], abs=1e-9)
    assert result.cmc == pytest.approx(expected["cmc"], abs=1e-9)


def make_line(hits):
    """One query at 0 and a gallery on a line at 1, 2, ...; person 1 where `hits` is true, else person 2."""
    gallery = np.arange(1, len(hits) + 1, dtype=np.float32)[:, None]
    ids = np.where(hits, 1, 2)
    return [np.zeros((1, 1), np.float32), np.array([1]), np.array([0]), gallery, ids, np.ones(len(hits), np.int64)]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("ap", ["step", "trapezoid"])
def test_untied_ranking_equals_the_loop_twin(seed, metric, ap):
    columns = make_columns(seed)
    assert_same(rank_queries(*columns, metric=metric, ap=ap), loop_result(columns, metric, ap=ap))


@pytest.mark.parametrize("ties", ["stable", "pessimistic", "optimistic"])
@pytest.mark.parametrize("ap", ["step", "trapezoid"])
@pytest.mark.parametrize("cameras", ["discard_same", "unknown"])
@pytest.mark.parametrize("gallery", [5, 60, 700])
def test_tied_ranking_equals_the_loop_twin(ties, ap, cameras, gallery):
    columns = make_columns(3, gallery=gallery, dimension=2, levels=1)
    result = rank_queries(*columns, metric="euclidean", ap=ap, ties=ties, cameras=cameras)
    assert_same(result, loop_result(columns, "euclidean", ap=ap, ties=ties, cameras=cameras))


@pytest.mark.parametrize("levels", [None, 1, 2])
def test_default_ranking_equals_the_published_matrix_form(levels):
    columns = make_columns(11, queries=40, gallery=300, levels=levels)
    query, query_ids, query_cameras, gallery, gallery_ids, gallery_cameras = columns
    distances = ((query[:, None].astype(np.float64) - gallery[None]) ** 2).sum(-1)
    expected = published_form(distances, query_ids, gallery_ids, query_cameras, gallery_cameras)
    assert_same(rank_queries(*columns, metric="euclidean"), expected)


def test_untied_ap_equals_scikit_learn_on_every_query():
    columns = make_columns(5, queries=20, gallery=200)
    result = rank_queries(*columns, metric="euclidean", cameras="unknown")
    query, query_ids, _, gallery, gallery_ids, _ = columns
    for index in np.flatnonzero(result.valid):
        scores = -((query[index].astype(np.float64) - gallery) ** 2).sum(-1)
        expected = average_precision_score(gallery_ids == query_ids[index], scores)
        assert result.ap[index] == pytest.approx(expected, abs=1e-9)


def test_step_and_trapezoid_golden_numbers():
    columns = make_line([True, False, True, True])
    step = rank_queries(*columns, metric="euclidean")
    # Hits at ranks 1, 3, 4: precisions 1, 2/3, 3/4; just before them 1 (by definition), 1/2, 2/3.
    assert step.mAP == pytest.approx((1 + 2 / 3 + 3 / 4) / 3)
    trapezoid = rank_queries(*columns, metric="euclidean", ap="trapezoid")
    assert trapezoid.mAP == pytest.approx((1 + (1 / 2 + 2 / 3) / 2 + (2 / 3 + 3 / 4) / 2) / 3)
    assert step.mINP == pytest.approx(3 / 4)
    assert step.first_rank.tolist() == [1.0]


def test_a_first_hit_below_the_top_has_zero_precision_before_it():
    columns = make_line([False, True])
    assert rank_queries(*columns, metric="euclidean").mAP == pytest.approx(1 / 2)
    assert rank_queries(*columns, metric="euclidean", ap="trapezoid").mAP == pytest.approx(1 / 4)


def test_junk_takes_no_rank():
    columns = make_line([True, True, False, True])
    columns[5][:2] = 0
    result = rank_queries(*columns, metric="euclidean")
    assert (result.mAP, result.cmc[1], result.mINP) == (pytest.approx(1 / 2), 0.0, pytest.approx(1 / 2))


def test_gallery_rows_without_a_person_id_are_junk():
    columns = make_line([False, False, True])
    columns[4][:2] = -1
    assert rank_queries(*columns, metric="euclidean").mAP == 1.0


def test_unknown_cameras_never_make_a_pair_junk():
    columns = make_line([True, False])
    columns[2][:] = -1
    columns[5][:] = -1
    assert rank_queries(*columns, metric="euclidean").mAP == 1.0


def test_camera_mode_unknown_keeps_same_camera_rows():
    columns = make_line([True, False, True])
    columns[5][0] = 0
    assert rank_queries(*columns, metric="euclidean").mAP == pytest.approx(1 / 2)
    assert rank_queries(*columns, metric="euclidean", cameras="unknown").mAP == pytest.approx((1 + 2 / 3) / 2)


def test_skipped_queries_are_counted_with_their_reason_and_left_out_of_the_means():
    features = np.eye(4, dtype=np.float32)
    ids, cameras = np.array([1, 2, 9, -1]), np.array([0, 0, 0, 0])
    gallery_ids, gallery_cameras = np.array([1, 2, 3, 3]), np.array([1, 0, 1, 1])
    result = rank_queries(features, ids, cameras, features, gallery_ids, gallery_cameras)
    assert result.mAP == 1.0
    assert result.valid.tolist() == [True, False, False, False]
    assert (result.num_queries, result.num_skipped) == (4, 3)
    assert result.skip_reasons == {SAME_CAMERA_ONLY: 1, NO_SUCH_PERSON: 1, NO_IDENTITY: 1}
    assert np.isnan(result.ap[1:]).all()
    assert SAME_CAMERA_ONLY in result.semantics["skipped"]


def test_a_gallery_of_junk_only_is_an_error_that_names_the_way_out():
    columns = make_line([True, True])
    columns[5][:] = 0
    with pytest.raises(DataError, match=r"one camera id for everything.*'unknown'"):
        rank_queries(*columns, metric="euclidean")
    assert rank_queries(*columns, metric="euclidean", cameras="unknown").mAP == 1.0


def test_strangers_only_is_an_error_about_ids():
    columns = make_line([False, False])
    with pytest.raises(DataError, match="same person ids"):
        rank_queries(*columns, metric="euclidean")


def test_one_query_and_one_gallery_row():
    result = rank_queries(*make_line([True]), metric="euclidean")
    assert (result.mAP, result.mINP, result.cmc) == (1.0, 1.0, {1: 1.0, 5: 1.0, 10: 1.0})


def test_a_collapsed_embedding_is_no_good_under_the_pessimistic_rule():
    columns = make_columns(1)
    columns[0], columns[3] = np.ones_like(columns[0]), np.ones_like(columns[3])
    results = {t: rank_queries(*columns, ties=t) for t in ("stable", "pessimistic", "optimistic")}
    worst, best = results["stable"].tie_spread
    assert worst == results["pessimistic"].mAP < results["stable"].mAP < results["optimistic"].mAP == best == 1.0


def test_cmc_never_falls_with_k_when_few_rows_are_kept():
    columns = make_columns(2, gallery=6, persons=2)
    values = list(rank_queries(*columns, top_k=range(1, 20)).cmc.values())
    assert values == sorted(values)


@pytest.mark.parametrize("block", [1, 5, 12, 100])
def test_block_size_does_not_change_the_result(block):
    columns = make_columns(7, levels=2)
    expected = rank_queries(*columns, metric="euclidean")
    assert rank_queries(*columns, metric="euclidean", block=block).mAP == expected.mAP


def test_memory_is_that_of_features_and_one_block_of_distances():
    columns = make_columns(0, queries=1000, gallery=2000, persons=100, dimension=16)
    tracemalloc.start()
    rank_queries(*columns, block=16)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # Normalised copies of both sets with their squares and the block in float32, 20 positives a query in 6 float64.
    expected = 4 * (3 * 16 * 3000 + 2 * 16 * 2000) + 8 * 6 * 20 * 1000
    assert peak < 1.5 * expected < 4 * 1000 * 2000 / 2


def test_gallery_order_does_not_matter_without_ties():
    columns = make_columns(8)
    order = np.random.default_rng(0).permutation(len(columns[3]))
    shuffled = [*columns[:3], *(column[order] for column in columns[3:])]
    assert_same(rank_queries(*shuffled), dataclasses.asdict(rank_queries(*columns)))


def test_far_distractors_never_change_and_near_ones_never_raise_any_ap():
    columns = make_columns(9)
    before = rank_queries(*columns, metric="euclidean")
    for place in (1e3, 0.0):
        features = np.full((30, 8), place, np.float32)
        added = [np.concatenate(pair) for pair in zip(columns[3:], (features, [99] * 30, [0] * 30), strict=True)]
        after = rank_queries(*columns[:3], added[0].astype(np.float32), added[1], added[2], metric="euclidean")
        assert (after.ap[after.valid] <= before.ap[before.valid]).all()
        if place:
            assert after.mAP == before.mAP


def test_cosine_does_not_see_the_length_of_features():
    columns = make_columns(10)
    scaled = list(columns)
    # Powers of two scale without rounding.
    scaled[3] = columns[3] * np.float32(2.0) ** (np.arange(len(columns[3])) % 5)[:, None].astype(np.float32)
    assert rank_queries(*scaled).mAP == rank_queries(*columns).mAP


def test_a_row_of_zeros_is_as_far_as_one_at_right_angles():
    columns = make_line([True, False])
    columns[0], columns[3] = np.array([[1.0, 0.0]]), np.array([[0.0, 0.0], [0.0, 3.0]])
    assert [rank_queries(*columns, ties=t).mAP for t in ("optimistic", "stable", "pessimistic")] == [1.0, 1.0, 0.5]


def test_half_precision_and_integer_features_are_accepted():
    columns = make_columns(12, levels=3)
    expected = rank_queries(*columns, metric="euclidean").mAP
    for dtype in (np.float16, np.int8, np.float64):
        columns[0], columns[3] = columns[0].astype(dtype), columns[3].astype(dtype)
        assert rank_queries(*columns, metric="euclidean").mAP == expected


def test_ranking_by_given_distances_equals_ranking_by_features():
    columns = make_columns(13, levels=2)
    columns[4][::7] = -1
    query, gallery = columns[0].astype(np.float64), columns[3].astype(np.float64)
    distances = ((query[:, None] - gallery) ** 2).sum(-1)
    groups = GalleryGroups(
        columns[1], columns[2], gallery_ids=columns[4], gallery_cameras=columns[5], cameras="discard_same"
    )
    result = rank_distances([(0, distances[:5]), (5, distances[5:])], groups, ap="trapezoid")
    assert result.mAP == rank_queries(*columns, metric="euclidean", ap="trapezoid").mAP


def make_nan(columns):
    columns[3][4, 2] = np.nan


def make_short_ids(columns):
    columns[1] = columns[1][:-1]


def make_narrow_gallery(columns):
    columns[3] = columns[3][:, :-1]


def make_text_cameras(columns):
    columns[5] = columns[5].astype(str)


def make_flat_features(columns):
    columns[0] = columns[0][:, 0]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (make_nan, "not finite in 1 rows, the first is row 4"),
        (make_short_ids, r"query ids of shape \(11,\)"),
        (make_narrow_gallery, "8 dimensions and gallery features 7"),
        (make_text_cameras, "gallery cameras of type"),
        (make_flat_features, r"query features of shape \(12,\)"),
    ],
)
def test_columns_that_do_not_fit_are_named(damage, message):
    columns = make_columns(1)
    damage(columns)
    with pytest.raises(DataError, match=message):
        rank_queries(*columns)


@pytest.mark.parametrize("options", [{"metric": "l3"}, {"ap": "area"}, {"ties": "random"}, {"cameras": "maybe"}])
def test_unknown_names_are_refused_with_the_known_ones(options):
    with pytest.raises(DataError, match="expected one of"):
        rank_queries(*make_columns(1), **options)


def test_the_rules_are_stated():
    result = rank_queries(*make_columns(1), ap="trapezoid", cameras="unknown", ties="pessimistic")
    assert set(result.semantics) == {"junk", "skipped", "cameras", "ap", "ties", "tie_spread", "metric"}
    assert "trapezoid" in result.semantics["ap"]
    assert "unknown" in result.semantics["cameras"]
    assert "negatives come before positives" in result.semantics["ties"]
