import logging

import numpy as np
import pytest

from pipeline.errors import DataError
from pipeline.retrieval.index import INDEXES, build_index

EXACT = {"flat": {}, "torch": {"device": "cpu"}}
APPROXIMATE = {"ivf": {"lists": 8, "probes": 8}, "pq": {"lists": 4, "probes": 4, "parts": 8, "bits": 6}, "hnsw": {}}


def make_features(count, seed=0, dimension=16):
    return np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)


def loop_distances(queries, rows, metric):
    table = np.zeros((len(queries), len(rows)))
    for i, query in enumerate(queries.astype(np.float64)):
        for j, row in enumerate(rows.astype(np.float64)):
            if metric == "cosine":
                table[i, j] = 1 - query @ row / np.linalg.norm(query) / np.linalg.norm(row)
            else:
                table[i, j] = np.linalg.norm(query - row)
    return table


def test_every_index_is_tested():
    assert set(EXACT) | set(APPROXIMATE) == set(INDEXES)


@pytest.mark.parametrize("kind", EXACT)
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_exact_indexes_equal_the_loop(kind, metric):
    rows, queries = make_features(50), make_features(7, seed=1)
    index = build_index(kind, dimension=16, metric=metric, **EXACT[kind])
    index.add(rows[:20])
    index.add(rows[20:])
    distances, positions = index.search(queries, 9)
    expected = loop_distances(queries, rows, metric)
    np.testing.assert_array_equal(positions, np.argsort(expected, axis=1)[:, :9])
    # float32 products against float64 loops
    np.testing.assert_allclose(distances, np.sort(expected, axis=1)[:, :9], atol=1e-5)


@pytest.mark.parametrize("kind", APPROXIMATE)
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_approximate_indexes_find_most_neighbours(kind, metric):
    rows = make_features(600)
    index = build_index(kind, dimension=16, metric=metric, **APPROXIMATE[kind])
    index.add(rows)
    distances, positions = index.search(rows[:100], 10)
    assert (np.diff(distances, axis=1) >= 0).all()
    truth = np.argsort(loop_distances(rows[:100], rows, metric), axis=1)[:, :10]
    recall = np.mean([len(np.intersect1d(a, b)) / 10 for a, b in zip(positions, truth, strict=True)])
    assert recall > (0.3 if kind == "pq" else 0.9)


@pytest.mark.parametrize("kind", [*EXACT, "ivf", "hnsw"])
def test_more_neighbours_than_rows_are_filled_with_nothing_at_infinity(kind):
    index = build_index(kind, dimension=16, **EXACT.get(kind, {}))
    index.add(make_features(3))
    distances, positions = index.search(make_features(2, seed=1), 5)
    assert (positions[:, 3:] == -1).all()
    assert np.isinf(distances[:, 3:]).all()
    assert np.isfinite(distances[:, :3]).all()


def test_few_rows_train_fewer_lists_and_say_so(caplog):
    with caplog.at_level(logging.WARNING):
        index = build_index("ivf", dimension=16, lists=64)
        index.add(make_features(100))
    assert "100 rows train 2 inverted lists, not the 64 asked for" in caplog.text
    assert index.search(make_features(1), 1)[1].shape == (1, 1)


def test_too_few_rows_for_a_product_quantizer_is_an_error():
    index = build_index("pq", dimension=16, parts=4, bits=8)
    with pytest.raises(DataError, match=r"100 rows.*at least 256.*flat index"):
        index.add(make_features(100))


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("annoy", {}, "expected one of flat, hnsw, ivf, pq, torch"),
        ("flat", {"metric": "manhattan"}, "expected one of cosine, euclidean"),
        ("flat", {"lists": 3}, "options"),
        ("pq", {"parts": 5}, r"5 product-quantizer parts for 16 dimensions; expected one of \[1, 2, 4, 8, 16\]"),
    ],
)
def test_wrong_names_and_options_are_refused(kind, options, message):
    with pytest.raises(DataError, match=message):
        build_index(kind, dimension=16, **options)


@pytest.mark.parametrize("kind", EXACT)
def test_wrong_shapes_values_and_an_empty_index_are_errors(kind):
    index = build_index(kind, dimension=16, **EXACT[kind])
    with pytest.raises(DataError, match="empty"):
        index.search(make_features(1), 1)
    with pytest.raises(DataError, match=r"expected \(N, 16\)"):
        index.add(make_features(3, dimension=8))
    with pytest.raises(DataError, match="not finite"):
        index.add(np.full((2, 16), np.nan))


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_torch_distance_blocks_cover_all_queries(metric):
    rows, queries = make_features(30), make_features(7, seed=1)
    index = build_index("torch", dimension=16, metric=metric, device="cpu")
    index.add(rows)
    starts, blocks = zip(*index.distance_blocks(queries, block=3), strict=True)
    assert starts == (0, 3, 6)
    np.testing.assert_allclose(np.concatenate(blocks), loop_distances(queries, rows, metric), atol=1e-5)


@pytest.mark.cuda
def test_torch_on_cuda_equals_flat():
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    rows = make_features(500)
    results = []
    for kind in ("flat", "torch"):
        index = build_index(kind, dimension=16, metric="euclidean")
        index.add(rows)
        results.append(index.search(rows[:50], 10))
    np.testing.assert_array_equal(results[0][1], results[1][1])
    # The square root enlarges rounding near 0, where every query finds itself.
    np.testing.assert_allclose(results[0][0], results[1][0], atol=2e-3)
