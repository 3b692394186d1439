"""Several labelled data sets as one: persons and cameras stay apart, and each crop knows where it came from."""

from dataclasses import replace

import numpy as np

from datasets.merge import merge_labelled, part_numbers
from datasets.records import ReIDData, ReIDSample


def make_part(name, persons):
    samples = tuple(ReIDSample(f"{i}/a.jpg", person, "1", name) for i, person in enumerate(persons))
    return ReIDData(name, samples, lambda sample: np.full((2, 2, 3), len(name), np.uint8), digest=name)


def test_persons_and_cameras_of_two_parts_stay_apart():
    merged = merge_labelled([make_part("a", [0, 3]), make_part("bb", [0, 3, 3])])
    assert [sample.person_id for sample in merged.samples] == [0, 3, 4, 7, 7]
    assert merged.cameras == ("0/1", "1/1")
    assert [int(merged.load(sample)[0, 0, 0]) for sample in merged.samples] == [1, 1, 2, 2, 2]


def test_each_crop_knows_its_part_also_when_others_are_left_out():
    merged = merge_labelled([make_part("a", [0, 3]), make_part("bb", [0, 3, 3])])
    assert part_numbers(merged, 2).tolist() == [0, 0, 1, 1, 1]
    assert part_numbers(replace(merged, samples=merged.samples[1:4]), 2).tolist() == [0, 1, 1]


def test_a_single_part_is_number_zero_whatever_its_names():
    part = make_part("a", [5, 6])
    assert merge_labelled([part]) is part
    assert part_numbers(part, 1).tolist() == [0, 0]
