"""Clusters that hold no forbidden pair."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from pipeline.clustering.cannot_link import NO_PAIRS, constrained_labels, parted
from pipeline.clustering.dbscan import dbscan_labels, renumbered
from pipeline.clustering.eps import choose_eps
from tests.references.tracklets import parted_by_loops

FAR = 1.5


def as_sparse(dense):
    """Store what is near; the diagonal is tiny, as Jaccard distances have it."""
    kept = np.where(dense < FAR, dense, 0.0)
    np.fill_diagonal(kept, 1e-7)
    return sparse.csr_matrix(kept)


def make_line(*places):
    places = np.array(places, float)
    return np.minimum(np.abs(places[:, None] - places[None]), FAR)


@given(st.integers(0, 10_000), st.integers(2, 9), st.integers(1, 3), st.floats(0.2, 1.0))
def test_splitting_equals_the_loops(seed, count, min_size, eps):
    rng = np.random.default_rng(seed)
    dense = rng.random((count, count)) * 2
    dense = np.where(dense + dense.T < FAR, np.maximum((dense + dense.T) / 2, 0.01), FAR)
    labels = renumbered(rng.integers(-1, 2, count))
    apart = np.array([(i, j) for i in range(count) for j in range(i + 1, count) if rng.random() < 0.2], np.int64)
    found = parted(labels, as_sparse(dense), apart.reshape(-1, 2), eps=eps, min_size=min_size)
    far = np.where(dense < FAR, dense, np.inf)
    assert found.tolist() == parted_by_loops(labels.tolist(), far, apart.tolist(), eps, min_size)


@given(st.integers(0, 10_000), st.integers(2, 25))
def test_no_cluster_holds_a_forbidden_pair_and_none_grows(seed, count):
    rng = np.random.default_rng(seed)
    distances = as_sparse(make_line(*rng.random(count) * 4))
    apart = rng.integers(0, count, (6, 2))
    apart = np.unique(np.sort(apart[apart[:, 0] != apart[:, 1]], axis=1), axis=0)
    plain = dbscan_labels(distances, eps=0.4, min_samples=2)
    found = constrained_labels(distances, apart, eps=0.4, min_samples=2)
    assert not ((found[apart[:, 0]] == found[apart[:, 1]]) & (found[apart[:, 0]] >= 0)).any()
    for label in range(found.max(initial=-1) + 1):
        assert len(set(plain[found == label].tolist())) == 1
    np.testing.assert_array_equal(found, renumbered(found))


def test_golden_two_people_in_a_chain_part_at_the_widest_gap():
    distances = as_sparse(make_line(0.0, 0.1, 0.2, 0.5, 0.6, 0.7))
    assert dbscan_labels(distances, eps=0.35, min_samples=2).tolist() == [0] * 6
    apart = np.array([[0, 5]])
    assert constrained_labels(distances, apart, eps=0.35, min_samples=2).tolist() == [0, 0, 0, 1, 1, 1]


def test_one_stranger_leaves_alone():
    distances = as_sparse(make_line(0.0, 0.1, 0.2, 0.4))
    assert constrained_labels(distances, np.array([[2, 3]]), eps=0.35, min_samples=2).tolist() == [0, 0, 0, -1]


def test_a_cluster_without_such_a_pair_is_left_as_it_was():
    distances = as_sparse(make_line(0.0, 0.1, 2.0, 2.1))
    labels = dbscan_labels(distances, eps=0.35, min_samples=2)
    for apart in (NO_PAIRS, np.array([[0, 2]])):
        assert parted(labels, distances, apart, eps=0.35, min_size=2) is labels


def test_eps_is_chosen_among_clusters_that_keep_people_apart():
    distances = as_sparse(make_line(*np.r_[0:0.3:0.1, 0.55:0.85:0.1, 1.6:1.9:0.1]))
    _, plain = choose_eps(distances, min_samples=2, grid=(0.4,))
    apart = np.array([[0, 3]])
    _, scores = choose_eps(distances, min_samples=2, grid=(0.4,), apart=apart)
    assert scores[0.4] > plain[0.4]


@pytest.mark.parametrize("labels", [[-1, -1], [0, 1]])
def test_nothing_to_split(labels):
    distances = as_sparse(make_line(0.0, 0.1))
    assert parted(np.array(labels), distances, np.array([[0, 1]]), eps=0.5, min_size=1).tolist() == labels
