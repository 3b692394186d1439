"""Crops of every person in two disjoint parts: a camera apart where there are several."""

import numpy as np
import pytest

from datasets.held_out import held_out_crops
from pipeline.errors import DataError
from tests.references import aggregation as twins


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("share", [0.05, 0.25, 0.5, 0.95])
def test_every_person_is_in_both_parts(seed, share):
    generator = np.random.default_rng(seed)
    labels = generator.integers(-1, 9, 200)
    # Persons 0..2 are seen by one camera, and some crops' cameras are unknown.
    cameras = np.where(labels < 3, 4, generator.integers(-1, 4, 200))
    chosen = held_out_crops(labels, cameras, share=share, seed=seed)
    twins.check_held_out(labels.tolist(), cameras.tolist(), chosen.tolist(), share)
    for person in range(9):
        assert chosen[labels == person].any()
        assert not chosen[labels == person].all()


def test_cameras_are_drawn_for_each_person_and_by_the_seed():
    labels, cameras = np.repeat(np.arange(60), 3), np.tile(np.arange(3), 60)
    chosen = [held_out_crops(labels, cameras, share=0.5, seed=seed) for seed in (5, 5, 6)]
    assert np.array_equal(chosen[0], chosen[1])
    assert not np.array_equal(chosen[0], chosen[2])
    counts = np.bincount(cameras[chosen[0]], minlength=3)
    assert counts.sum() == 60
    assert counts.min() > 5


def test_a_single_image_stays_with_the_student():
    chosen = held_out_crops(np.array([0, 1, 1, 2, 2]), np.zeros(5, int), share=0.5, seed=0)
    assert not chosen[0]
    assert chosen.sum() == 2


def test_too_few_persons_are_told():
    with pytest.raises(DataError, match="images of 1 persons can be held out; expected at least two persons"):
        held_out_crops(np.array([0, 1, 1, 2]), np.zeros(4, int), share=0.5, seed=0)
