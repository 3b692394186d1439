"""Listings of the procedural world: determinism, splits, labels, errors."""

import hashlib
import pickle
import subprocess
import sys
from collections import defaultdict
from itertools import pairwise

import numpy as np
import pytest

from datasets.world.crops import render_crop
from datasets.world.domains import domain_by_name
from datasets.world.passage import frame_of_shot
from datasets.world.reader import read_world, read_world_probe
from pipeline.errors import DataError

SMALL = {"identities": 12, "cameras": 3, "shots": 2, "size": (32, 16)}
PRINT_CROP = """
import hashlib
from datasets.world.crops import render_crop
from datasets.world.domains import domain_by_name
crop = render_crop(domain_by_name("random-4"), seed=5, person=3, camera=2, shot=1, size=(64, 32))
print(hashlib.sha256(crop.tobytes()).hexdigest())
"""


def make_crop(**changes):
    arguments = {"seed": 5, "person": 3, "camera": 2, "shot": 1, "size": (64, 32)}
    return render_crop(domain_by_name("random-4"), **(arguments | changes))


def test_a_crop_is_the_same_in_another_process():
    printed = subprocess.run([sys.executable, "-c", PRINT_CROP], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == hashlib.sha256(make_crop().tobytes()).hexdigest()


def test_a_crop_does_not_depend_on_what_was_drawn_before():
    first = make_crop()
    make_crop(person=9)
    np.testing.assert_array_equal(first, make_crop())


@pytest.mark.parametrize("change", [{"seed": 6}, {"person": 4}, {"camera": 1}, {"shot": 0}])
def test_every_argument_changes_the_crop(change):
    assert np.abs(make_crop().astype(int) - make_crop(**change)).mean() > 1.0


@pytest.mark.parametrize("size", [(16, 8), (64, 32), (96, 96), (256, 128)])
def test_crops_have_the_size_asked_for(size):
    crop = make_crop(size=size)
    assert crop.shape == (*size, 3)
    assert crop.dtype == np.uint8
    assert crop.std() > 5


def test_frames_of_the_first_shots_differ():
    frames = [frame_of_shot(shot) for shot in range(99)]
    assert len(set(frames)) == 99
    assert frames[0] == 0
    assert min(frames) >= -60


def test_everybody_passes_at_least_two_cameras_with_every_shot():
    data = read_world("indoor_mall", **SMALL)
    seen = defaultdict(lambda: defaultdict(int))
    for sample in data.samples:
        seen[sample.person_id][sample.camera_id] += 1
    assert len(seen) == 12
    assert all(2 <= len(cameras) <= 3 for cameras in seen.values())
    assert {count for cameras in seen.values() for count in cameras.values()} == {2}
    assert data.cameras == ("1", "2", "3")


def test_samples_are_sorted_unique_and_loadable():
    data = read_world("indoor_mall", **SMALL)
    paths = [sample.path for sample in data.samples]
    assert paths == sorted(set(paths))
    assert data.load(data.samples[0]).shape == (32, 16, 3)
    assert all(sample.frame >= 0 for sample in data.samples)


def test_loading_twice_gives_equal_arrays_that_do_not_share_memory():
    data = read_world("indoor_mall", **SMALL)
    first = data.load(data.samples[0])
    second = data.load(data.samples[0])
    np.testing.assert_array_equal(first, second)
    first[:] = 0
    np.testing.assert_array_equal(second, data.load(data.samples[0]))


def test_training_and_probe_share_cameras_but_no_person():
    train, probe = read_world("random-1", 3, **SMALL), read_world_probe("random-1", 3, **SMALL)
    trained = {sample.person_id for sample in train.samples}
    asked = {sample.person_id for sample in probe.query.samples}
    found = {sample.person_id for sample in probe.gallery.samples}
    assert not trained & (asked | found)
    assert len(asked) == 12
    assert len(found - asked) == 3
    assert asked < found
    assert train.cameras == probe.query.cameras == probe.gallery.cameras


def test_more_people_leave_the_crops_of_the_first_ones_alone():
    few, many = (read_world("random-1", **(SMALL | {"identities": number})) for number in (3, 6))
    assert {s.path for s in few.samples} < {s.path for s in many.samples}
    np.testing.assert_array_equal(few.load(few.samples[0]), many.load(few.samples[0]))


def test_one_query_for_each_person_and_camera_and_none_of_them_in_the_gallery():
    probe = read_world_probe("random-1", **SMALL)
    pairs = [(sample.person_id, sample.camera_id) for sample in probe.query.samples]
    assert len(pairs) == len(set(pairs))
    assert not {s.path for s in probe.query.samples} & {s.path for s in probe.gallery.samples}
    for sample in probe.query.samples:
        assert any(g.person_id == sample.person_id and g.camera_id != sample.camera_id for g in probe.gallery.samples)


def test_unlabelled_data_tells_no_identity_by_id_path_or_order():
    labelled, bare = (read_world("random-1", **SMALL, labelled=flag) for flag in (True, False))
    assert len(bare) == len(labelled)
    assert all(sample.person_id is None and sample.tracklet_id is None for sample in bare.samples)
    assert [sample.path for sample in bare.samples] == [f"{n:06d}.jpg" for n in range(1, len(bare) + 1)]
    by_bytes = {labelled.load(sample).tobytes(): sample.person_id for sample in labelled.samples}
    people = [by_bytes[bare.load(sample).tobytes()] for sample in bare.samples]
    assert people != sorted(people)
    neighbours = np.mean([a == b for a, b in pairwise(people)])
    assert neighbours < 0.35


def test_digest_follows_the_parameters():
    def digest(**changes):
        return read_world(**({"domain": "random-1", "seed": 0} | SMALL | changes)).digest

    assert digest() == digest()
    changes = ({"seed": 1}, {"domain": "random-2"}, {"shots": 3}, {"size": (64, 32)}, {"labelled": False})
    assert len({digest(), *(digest(**change) for change in changes)}) == 6
    probe = read_world_probe("random-1", **SMALL)
    assert len({digest(), probe.query.digest, probe.gallery.digest}) == 3


def test_data_travels_to_another_process_without_its_memory():
    data = read_world("random-1", **SMALL)
    expected = data.load(data.samples[3])
    text = pickle.dumps(data)
    assert len(text) < 50_000
    np.testing.assert_array_equal(pickle.loads(text).load(data.samples[3]), expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"split": "test"}, "no split 'test'"),
        ({"identities": 0}, "identities = 0"),
        ({"cameras": 1}, "cameras = 1"),
        ({"shots": 0}, "shots = 0"),
        ({"size": (4, 64)}, "height = 4"),
        ({"domain": "nowhere"}, "no domain is called 'nowhere'"),
    ],
)
def test_impossible_requests_are_refused(change, message):
    with pytest.raises(DataError, match=message):
        read_world(**({"domain": "random-1"} | SMALL | change))


def test_a_probe_needs_two_shots():
    with pytest.raises(DataError, match="leaves no gallery"):
        read_world_probe("random-1", **(SMALL | {"shots": 1}))


def test_a_sample_of_another_listing_is_refused():
    data = read_world("random-1", **SMALL)
    with pytest.raises(DataError, match=r"no crop '9999\.jpg'"):
        data.load(type(data.samples[0])("9999.jpg", None, "1", "random-1"))
