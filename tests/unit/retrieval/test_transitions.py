"""Times between cameras: learnt from clusters, and what they say where little is known."""

import numpy as np
import pytest

from pipeline.errors import DataError
from pipeline.retrieval.gap_ratios import bandwidth_of
from pipeline.retrieval.transitions import learn_transitions
from tests.references.transitions import probability_by_loops, silverman


def make_walks(seed=0, *, people=40, walk=30.0, spread=2.0, span=900.0, wrong=0.0):
    """People who take `walk` seconds from camera 0 to camera 1 and any time to camera 2, with one picture in each."""
    rng = np.random.default_rng(seed)
    begin = rng.random(people) * span
    seconds = np.concatenate([begin, begin + walk + spread * rng.standard_normal(people), rng.random(people) * span])
    labels = np.tile(np.arange(people), 3)
    labels = np.where(rng.random(len(labels)) < wrong, rng.permutation(labels), labels)
    return labels, np.repeat(np.arange(3), people), seconds


@pytest.mark.parametrize("seed", range(3))
def test_it_equals_the_loops(seed):
    labels, cameras, seconds = make_walks(seed, people=12)
    labels[[0, 5]], seconds[3], cameras[7] = -1, np.nan, -1
    labels = np.where(labels == 3, 4, labels)
    found = learn_transitions(labels, cameras, seconds)
    gaps = np.random.default_rng(seed).uniform(-900, 900, 40)
    for one, other in ((0, 1), (0, 2), (1, 2), (1, 1), (2, 2)):
        for is_own in (False, True):
            asked = np.abs(gaps) if one == other else gaps
            fast = found.probability(np.full(40, one), np.full(40, other), gaps, is_own=is_own)
            slow = [probability_by_loops(labels, cameras, seconds, one, other, gap, is_own=is_own) for gap in asked]
            np.testing.assert_allclose(fast, slow, rtol=1e-9)


def test_the_bandwidth_equals_the_loop_and_is_never_below_a_second():
    values = np.random.default_rng(0).standard_normal(37) * 40
    assert bandwidth_of(values) == pytest.approx(silverman(values.tolist()))
    assert bandwidth_of(np.zeros(5)) == 1.0


def test_golden_walk():
    """Ten people, 30 s from one camera to the other, one every hundred seconds."""
    labels, cameras = np.tile(np.arange(10), 2), np.repeat([0, 1], 10)
    seconds = np.concatenate([100.0 * np.arange(10), 100.0 * np.arange(10) + 30])
    found = learn_transitions(labels, cameras, seconds)
    # Of the hundred gaps ten are 30 s, which are the cluster's own: p / q = 10, (10 * 10 + 20) / (10 * 10 + 10 + 40).
    # Beyond the bins 20 / (10 + 40).
    asked = found.probability(np.zeros(2, int), np.ones(2, int), np.array([30.0, 130.0]))
    assert asked == pytest.approx([0.8, 0.4])
    # Without itself, nine of ninety-nine: p / q = 10 as before, (9 * 10 + 20) / (9 * 10 + 9 + 40).
    own = found.probability(np.zeros(1, int), np.ones(1, int), np.array([30.0]), is_own=True)
    assert own == pytest.approx(110 / 139)


def test_a_walk_of_usual_length_is_likely_and_another_is_not():
    found = learn_transitions(*make_walks(people=200))
    usual, odd = found.probability(np.zeros(2, int), np.ones(2, int), np.array([30.0, 400.0]))
    assert usual > 0.9
    assert odd < 0.1


def test_times_that_say_nothing_change_nothing():
    found = learn_transitions(*make_walks(people=200))
    gaps = np.linspace(-600, 600, 50)
    assert np.abs(found.probability(np.zeros(50, int), np.full(50, 2), gaps) - 0.5).max() < 0.2


def test_the_way_back_is_the_way_there_turned_round():
    found = learn_transitions(*make_walks())
    gaps = np.linspace(-100, 100, 21)
    there = found.probability(np.zeros(21, int), np.ones(21, int), gaps)
    np.testing.assert_array_equal(there, found.probability(np.ones(21, int), np.zeros(21, int), -gaps))


def test_wrong_clusters_only_weaken_what_is_said():
    clean, noisy = (learn_transitions(*make_walks(people=200, wrong=wrong)) for wrong in (0.0, 0.4))
    asked = np.zeros(2, int), np.ones(2, int), np.array([30.0, 400.0])
    (usual, odd), (usual_noisy, odd_noisy) = clean.probability(*asked), noisy.probability(*asked)
    assert 0.5 < usual_noisy < usual
    assert odd < odd_noisy < 0.5


@pytest.mark.parametrize(
    "change",
    [
        lambda labels, cameras, seconds: (labels, cameras * 0, seconds),
        lambda labels, cameras, seconds: (labels, cameras, seconds * np.nan),
        lambda labels, cameras, seconds: (labels * 0 - 1, cameras, seconds),
        lambda labels, cameras, seconds: (np.arange(len(labels)), cameras, seconds),
        lambda labels, cameras, seconds: (labels[:0], cameras[:0], seconds[:0]),
    ],
    ids=["one camera", "no time", "no cluster", "nobody twice", "nobody"],
)
def test_where_nothing_is_known_everything_is_even(change):
    found = learn_transitions(*change(*make_walks(people=10)))
    asked = found.probability(np.array([0, 1, -1]), np.array([1, 1, 0]), np.array([30.0, 5.0, 0.0]))
    assert asked.tolist() == [0.5, 0.5, 0.5]


def test_one_pair_says_little():
    labels, cameras, seconds = make_walks(people=30)
    labels = np.where(labels == 0, 0, -1)
    found = learn_transitions(labels, cameras, seconds)
    asked = found.probability(np.zeros(61, int), np.ones(61, int), np.linspace(-300, 300, 61))
    assert asked.min() > 0.45
    assert found.probability(np.zeros(1, int), np.ones(1, int), np.array([np.nan])).tolist() == [0.5]


def test_lengths_that_differ_are_refused():
    with pytest.raises(DataError, match="one of each a picture"):
        learn_transitions(np.zeros(3, int), np.zeros(2, int), np.zeros(3))


def test_a_giant_cluster_speaks_by_a_sample_of_its_pictures():
    count = 3000
    labels, cameras = np.zeros(count, np.int64), np.arange(count) % 2
    learnt = learn_transitions(labels, cameras, np.arange(count, dtype=float))
    assert set(learnt.ratios) == {(0, 0), (0, 1), (1, 1)}
    assert len(learnt.labels) == count
