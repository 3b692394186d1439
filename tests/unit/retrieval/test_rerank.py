import tracemalloc

import numpy as np
import pytest

from pipeline.errors import DataError
from pipeline.retrieval.rerank import reranked_blocks
from tests.references.jaccard import dense_rerank


def make_sets(queries=6, gallery=30, seed=0):
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((5, 8))
    return [
        (centres[np.arange(n) % 5] + 0.4 * rng.standard_normal((n, 8))).astype(np.float32) for n in (queries, gallery)
    ]


def stacked(*sets, **options):
    blocks = list(reranked_blocks(*sets, **options))
    assert [start for start, _ in blocks] == list(np.cumsum([0, *(len(rows) for _, rows in blocks[:-1])]))
    return np.concatenate([rows for _, rows in blocks])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("k1", "k2", "blend"), [(6, 3, 0.3), (7, 1, 0.0), (5, 2, 0.5), (40, 6, 0.3)])
def test_sparse_reranking_equals_the_dense_definition(seed, k1, k2, blend):
    sets = make_sets(seed=seed)
    result = stacked(*sets, k1=k1, k2=k2, blend=blend)
    # float32 against float64
    np.testing.assert_allclose(result, dense_rerank(*sets, k1, k2, blend), atol=1e-6)


def test_block_size_does_not_change_the_distances():
    sets = make_sets()
    np.testing.assert_allclose(stacked(*sets, k1=6, block=4), stacked(*sets, k1=6), atol=1e-6)


def test_identical_features_are_at_distance_zero():
    rows = np.ones((4, 3), np.float32)
    result = stacked(rows[:1], rows[1:], k1=4, k2=2)
    assert np.isfinite(result).all()
    assert (result < 1e-6).all()


def test_a_blend_outside_its_range_is_refused():
    with pytest.raises(DataError, match="blend"):
        stacked(*make_sets(), blend=1.5)


def test_memory_grows_with_the_rows_and_not_with_their_square():
    peaks = {}
    for count in (1000, 2000):
        query, gallery = make_sets(count // 8, count)
        tracemalloc.start()
        for _ in reranked_blocks(query, gallery, k1=10, k2=3, block=16):
            pass
        peaks[count] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    # A row: two lists, up to 40 weights in three copies, one column of a block of 16 float32 distances in two copies.
    # One float32 N x N matrix would be 20 MB at the larger count.
    assert peaks[2000] < 2000 * 2250 < 4 * 2250**2 / 4
    assert peaks[2000] < 2.5 * peaks[1000]


def test_order_of_the_gallery_does_not_matter():
    query, gallery = make_sets()
    order = np.random.default_rng(1).permutation(len(gallery))
    expected = stacked(query, gallery, k1=6)[:, order]
    np.testing.assert_allclose(stacked(query, gallery[order], k1=6), expected, atol=1e-6)


def test_copies_in_the_gallery_equal_the_dense_definition():
    query, gallery = make_sets()
    gallery = np.concatenate([gallery, gallery[::2], query[:2]])
    result = stacked(query, gallery, k1=8, k2=3)
    np.testing.assert_allclose(result, dense_rerank(query, gallery, 8, 3, 0.3), atol=1e-6)


def test_a_stranger_far_away_keeps_the_largest_distance():
    query, gallery = make_sets()
    result = stacked(query, np.concatenate([gallery, np.full((1, 8), 30, np.float32)]), k1=6, k2=1)
    np.testing.assert_allclose(result[:, -1], 1.0, atol=1e-6)


@pytest.mark.parametrize("where", [0, 1])
def test_values_that_are_not_finite_are_refused(where):
    sets = make_sets()
    sets[where][1, 1] = np.nan
    with pytest.raises(DataError, match="not finite"):
        stacked(*sets)
