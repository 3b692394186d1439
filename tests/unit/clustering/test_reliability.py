import numpy as np
import pytest

from pipeline.clustering.dbscan import renumbered
from pipeline.clustering.reliability import reliability, reliable_labels
from pipeline.errors import DataError
from tests.references.reliability import loop_reliability, loop_reliable

LABELS, TIGHT, LOOSE = ([0, 0, 0, 1, 1, -1], [0, 0, -1, 1, 1, -1], [0, 0, 0, 0, 0, -1])


def make_labellings(seed, count=80):
    rng = np.random.default_rng(seed)
    return [rng.integers(-2, 12, count).clip(-1) // rng.integers(1, 3) for _ in range(3)]


@pytest.mark.parametrize("seed", range(8))
def test_counts_equal_the_loop_over_sets(seed):
    labels, tight, loose = make_labellings(seed)
    expected = loop_reliability(labels, tight, loose)
    np.testing.assert_allclose(reliability(labels, tight, loose), expected, rtol=1e-12)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("threshold", [None, 0.3])
def test_rule_equals_the_published_one_on_complements(seed, threshold):
    labels, tight, loose = make_labellings(seed)
    stays, limit = loop_reliable(labels, tight, loose, None if threshold is None else 1 - threshold)
    result = reliable_labels(labels, tight, loose, threshold=threshold)
    np.testing.assert_array_equal(result.labels, renumbered(np.where(stays, labels, -1)))
    assert result.independence_threshold == pytest.approx(1 - limit)
    assert result.num_removed == int((labels >= 0).sum()) - sum(stays)


def test_reliability_golden():
    independence, compactness = reliability(*map(np.array, (LABELS, TIGHT, LOOSE)))
    assert independence.tolist() == [3 / 5, 3 / 5, 3 / 5, 2 / 5, 2 / 5, 1]
    assert compactness.tolist() == [2 / 3, 2 / 3, 1 / 3, 1, 1, 1]


def test_rule_golden():
    result = reliable_labels(*map(np.array, (LABELS, TIGHT, LOOSE)))
    assert result.labels.tolist() == [0, 0, -1, 1, 1, -1]
    assert (result.independence_threshold, result.num_removed) == (2 / 5, 1)


def test_a_later_round_uses_the_first_threshold_and_variants_differ_in_the_last_member():
    arrays = [np.array(values) for values in (LABELS, TIGHT, LOOSE)]
    assert reliable_labels(*arrays, threshold=0.5).labels.tolist() == [0, 0, -1, -1, -1, -1]
    kept = reliable_labels(*arrays, threshold=0.5, variant="last_member_stays").labels
    assert kept.tolist() == [0, 0, -1, -1, 1, -1]


def test_equal_labellings_are_fully_reliable_whatever_the_names():
    labels = np.array([4, 4, 2, 2, 2, -1])
    result = reliable_labels(labels, renumbered(labels), labels)
    assert result.labels.tolist() == [0, 0, 1, 1, 1, -1]
    assert (result.independence_threshold, result.num_removed) == (1.0, 0)


@pytest.mark.parametrize("labels", [np.full(4, -1), np.zeros(0, int)])
def test_no_cluster_at_all_is_no_error(labels):
    result = reliable_labels(labels, labels, labels)
    assert result.labels.tolist() == labels.tolist()
    assert (result.independence_threshold, result.num_removed) == (0.0, 0)


def test_wrong_variant_and_length_are_refused():
    with pytest.raises(DataError, match="variant"):
        reliable_labels(np.zeros(2, int), np.zeros(2, int), np.zeros(2, int), variant="best")
    with pytest.raises(DataError, match="one length"):
        reliability(np.zeros(2, int), np.zeros(2, int), np.zeros(3, int))
