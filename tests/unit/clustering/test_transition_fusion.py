"""Distances made larger where nobody takes such a time between two cameras."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.clustering.jaccard import jaccard_distance
from pipeline.clustering.pseudo_labels import assign_pseudo_labels
from pipeline.clustering.tracklets import Tracklets
from pipeline.clustering.transition_fusion import damping, fused_distances
from pipeline.errors import DataError
from pipeline.metrics.clustering import agreement
from pipeline.retrieval.transitions import learn_transitions
from tests.references.transitions import probability_by_loops
from tests.unit.clustering.test_jaccard import make_features
from tests.unit.retrieval.test_transitions import make_walks


def loop_damping(probability):
    return min(1.0, (1 + 2 * math.exp(-2.5)) / (1 + 2 * math.exp(-5 * probability)))


@given(st.floats(0, 1))
def test_damping_equals_the_formula_and_leaves_the_even_alone(probability):
    assert damping(np.array([probability]))[0] == pytest.approx(loop_damping(probability))
    assert damping(np.array([0.5, 0.7, 1.0])).tolist() == [1.0, 1.0, 1.0]


def test_golden_damping():
    assert damping(np.array([0.0, 0.25])) == pytest.approx([0.388057, 0.740091], abs=1e-6)


def test_fusion_equals_the_loops_and_never_brings_closer():
    labels, cameras, seconds = make_walks(people=20)
    distances = jaccard_distance(make_features(count=60, noise=0.5), k1=12, k2=3, keep_below=0.9)
    transitions = learn_transitions(labels, cameras, seconds)
    found = fused_distances(distances, transitions, cameras, seconds)
    assert (found.indices == distances.indices).all()
    assert found.dtype == distances.dtype
    assert (found.data >= distances.data).all()
    for i, j in zip(*(part.tolist() for part in distances.nonzero()), strict=True):
        one, other = sorted((i, j), key=lambda k: cameras[k])
        probability = 0.5
        if i != j:
            gap = seconds[other] - seconds[one]
            gap = abs(gap) if cameras[one] == cameras[other] else gap
            probability = probability_by_loops(
                labels, cameras, seconds, cameras[one], cameras[other], gap, is_own=bool(labels[i] == labels[j])
            )
        assert found[i, j] == pytest.approx(1 - (1 - distances[i, j]) * loop_damping(probability), abs=1e-6)
    assert abs(found - found.T).max() < 1e-6


def make_passers(seed=0, *, people=100, dimension=8, noise=0.45, cameras=3):
    """People who look much alike and pass the cameras one after the other, 20 s apart."""
    rng = np.random.default_rng(seed)
    centres = np.tile(rng.standard_normal((people, dimension)), (cameras, 1))
    features = centres + noise * rng.standard_normal(centres.shape)
    begin = 3600 * rng.random(people)
    seconds = np.concatenate([begin + 20 * camera + 2 * rng.standard_normal(people) for camera in range(cameras)])
    where = np.repeat(np.arange(cameras), people)
    return features.astype(np.float32), np.tile(np.arange(people), cameras), where, seconds


def rand_of(seed, *, seconds=None, transitions="off"):
    """Return how well the clusters agree with the people."""
    features, people, cameras, known = make_passers(seed)
    found = assign_pseudo_labels(
        features, cameras, k1=6, k2=2, eps="auto", min_samples=2, camera_aware=True, transitions=transitions,
        tracklets=Tracklets(np.arange(len(people)), known if seconds is None else seconds),
    )  # fmt: skip
    return agreement(found.labels, people)["adjusted_rand"]


def test_people_who_look_alike_are_told_apart_by_their_times():
    plain, fused = ([rand_of(seed, transitions=use) for seed in range(3)] for use in ("off", "fuse"))
    assert np.mean(fused) > np.mean(plain) + 0.03


def test_times_that_say_nothing_do_no_harm():
    for seed in range(2):
        seconds = 3600 * np.random.default_rng(seed).random(300)
        assert rand_of(seed, seconds=seconds, transitions="fuse") > rand_of(seed) - 0.02


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"transitions": "sometimes"}, "'off' or 'fuse'"),
        ({"transitions": "fuse"}, "tracklets with times"),
        ({"transitions": "fuse", "tracklets": Tracklets(np.arange(300), np.full(300, np.nan))}, "tracklets with times"),
        (
            {"transitions": "fuse", "tracklets": Tracklets(np.arange(300), np.zeros(300), has_clock=False)},
            "each camera's times count from its own beginning",
        ),
    ],
)
def test_wrong_options_are_refused(options, message):
    features, _, cameras, _ = make_passers()
    with pytest.raises(DataError, match=message):
        assign_pseudo_labels(features, cameras, **options)
