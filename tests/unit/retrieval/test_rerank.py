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
