"""Samplers: random access, one visit an epoch, balanced cameras."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.samplers import PKSampler, UniformSampler, camera_turns, tracklet_turns
from pipeline.errors import DataError
from tests.references.camera_turns import camera_turns_by_loops, tracklet_turns_by_loops


@given(st.integers(1, 40), st.integers(1, 12), st.integers(0, 99))
def test_uniform_visits_every_image_once_an_epoch(n, batch, seed):
    sampler = UniformSampler(n, batch=batch, seed=seed)
    for epoch in range(3):
        first = epoch * sampler.steps_per_epoch
        seen = np.concatenate([sampler.batch(first + s) for s in range(sampler.steps_per_epoch)])
        assert sorted(seen[:n]) == list(range(n))
        assert len(seen) == sampler.steps_per_epoch * batch


def test_random_access_equals_sequential_access():
    labels, cameras = np.arange(60) % 10, np.arange(60) % 3
    for make in (
        lambda: UniformSampler(60, batch=8, seed=5),
        lambda: PKSampler(labels, cameras, identities=4, instances=3, seed=5),
    ):
        one, other = make(), make()
        forward = [one.batch(step) for step in range(20)]
        for step in reversed(range(20)):
            assert np.array_equal(other.batch(step), forward[step])
        assert not np.array_equal(forward[0], forward[one.steps_per_epoch])


@given(st.lists(st.integers(-1, 6), min_size=2, max_size=60), st.integers(1, 5), st.integers(1, 5), st.integers(0, 9))
def test_pk_batches(labels, identities, instances, seed):
    labels = np.array(labels)
    present = sorted({int(label) for label in labels if label >= 0})
    if len(present) < 2:
        with pytest.raises(DataError, match="at least two"):
            PKSampler(labels, labels, identities=identities, instances=instances, seed=seed)
        return
    sampler = PKSampler(labels, np.arange(len(labels)) % 2, identities=identities, instances=instances, seed=seed)
    visits = []
    for step in range(sampler.steps_per_epoch):
        batch = sampler.batch(step)
        assert len(batch) == identities * instances == sampler.batch_size
        assert (labels[batch] >= 0).all()
        chosen = list(dict.fromkeys(int(label) for label in labels[batch]))
        assert len(chosen) == min(identities, len(present))
        visits += chosen
        for label in chosen:
            rows = batch[labels[batch] == label]
            assert len(set(rows.tolist())) == min(len(rows), int((labels == label).sum()))
    assert sorted(visits[: len(present)]) == present


def test_cameras_are_balanced():
    cameras = np.array([0] * 20 + [1] * 2 + [2] * 2 + [0] * 4)
    labels = np.array([0] * 24 + [1] * 4)
    sampler = PKSampler(labels, cameras, identities=2, instances=6, seed=0)
    for step in range(10):
        batch = sampler.batch(step)
        assert np.bincount(cameras[batch[labels[batch] == 0]]).tolist() == [2, 2, 2]


def test_single_crops_repeat():
    sampler = PKSampler(np.array([0, 1]), np.array([-1, -1]), identities=2, instances=3, seed=0)
    assert sorted(sampler.batch(0).tolist()) == [0, 0, 0, 1, 1, 1]


def test_more_identities_than_there_are_keeps_the_batch_size(caplog):
    sampler = PKSampler(np.arange(30) % 3, np.zeros(30, int), identities=4, instances=4, seed=0)
    assert np.bincount(np.arange(30)[sampler.batch(0)] % 3).tolist() in ([6, 5, 5], [5, 6, 5], [5, 5, 6])
    assert "the data has 3" in caplog.text


@given(st.lists(st.integers(-1, 3), min_size=1, max_size=25), st.integers(0, 99))
def test_camera_turns_equal_the_loops(cameras, seed):
    keys = np.random.default_rng(seed).random(len(cameras))
    assert camera_turns(np.array(cameras), keys).tolist() == camera_turns_by_loops(cameras, keys.tolist())


@given(st.lists(st.integers(-1, 3), min_size=1, max_size=25), st.integers(0, 99))
def test_tracklet_turns_equal_the_loops(tracklets, seed):
    keys = np.random.default_rng(seed).random(len(tracklets))
    turns = tracklet_turns(np.array(tracklets), keys)
    assert np.argsort(turns).tolist() == tracklet_turns_by_loops(tracklets, keys.tolist())


def test_a_batch_takes_tracklets_in_turn_inside_cameras():
    labels = np.repeat([0, 1], 12)
    cameras, tracklets = np.tile(np.repeat([0, 1], 6), 2), np.repeat(np.arange(12), 2)
    sampler = PKSampler(labels, cameras, identities=2, instances=6, seed=0, tracklets=tracklets)
    for step in range(10):
        batch = sampler.batch(step)
        for label in (0, 1):
            rows = batch[labels[batch] == label]
            assert np.bincount(cameras[rows]).tolist() == [3, 3]
            assert len(set(tracklets[rows].tolist())) == 6


def test_crops_in_no_tracklet_are_drawn_as_they_were():
    labels, cameras = np.arange(30) % 3, np.arange(30) // 10
    plain = PKSampler(labels, cameras, identities=2, instances=4, seed=1)
    alone = PKSampler(labels, cameras, identities=2, instances=4, seed=1, tracklets=np.full(30, -1))
    for step in range(6):
        assert np.array_equal(plain.batch(step), alone.batch(step))


def test_golden_batches():
    """A change here breaks the resuming of old runs."""
    assert UniformSampler(7, batch=4, seed=3).batch(1).tolist() == [5, 6, 3, 2]
    sampler = PKSampler(np.arange(12) % 4, np.arange(12) // 6, identities=2, instances=2, seed=3)
    assert sampler.batch(5).tolist() == [6, 2, 9, 5]


def test_no_image_is_refused():
    with pytest.raises(DataError, match="no image to sample"):
        UniformSampler(0, batch=4, seed=0)
