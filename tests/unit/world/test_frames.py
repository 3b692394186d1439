"""Street frames: determinism, people, sizes, what differs between domains, errors."""

import hashlib
import pickle
import subprocess
import sys

import cv2
import numpy as np
import pytest

from datasets.world.domains import domain_by_name
from datasets.world.frames.moment import Standing, moment_of
from datasets.world.frames.reader import read_world_frames
from datasets.world.frames.render import render_frame
from datasets.world.frames.screen import Screen
from datasets.world.frames.street import make_street
from datasets.world.frames.walkers import walkers_at
from datasets.world.passage import camera_of
from pipeline.errors import DataError

SMALL = {"cameras": 2, "frames": 8, "size": (96, 160)}
PRINT_FRAME = """
import hashlib
from datasets.world.frames.reader import read_world_frames
data = read_world_frames("random-4", 5, cameras=2, frames=8, size=(96, 160))
print(hashlib.sha256(data.load(data.samples[3]).tobytes() + data.samples[3].annotations.boxes.tobytes()).hexdigest())
"""


def make_frames(domain="random-4", seed=5, **changes):
    return read_world_frames(domain, seed, **(SMALL | changes))


def people_of(data):
    ids = [sample.annotations.person_ids for sample in data.samples]
    return {int(person) for person in np.concatenate(ids) if person >= 0}


def heights_of(data):
    marks = [sample.annotations for sample in data.samples]
    return np.concatenate([(m.boxes[:, 3] - m.boxes[:, 1])[~m.ignore] for m in marks]) / data.samples[0].size[0]


def test_a_frame_is_the_same_in_another_process():
    printed = subprocess.run([sys.executable, "-c", PRINT_FRAME], capture_output=True, text=True, check=True).stdout
    data = make_frames()
    sample = data.samples[3]
    expected = hashlib.sha256(data.load(sample).tobytes() + sample.annotations.boxes.tobytes()).hexdigest()
    assert printed.strip() == expected


def test_a_frame_does_not_depend_on_what_was_drawn_before():
    data, other = make_frames(), make_frames()
    last = data.load(data.samples[-1])
    for sample in other.samples[::3]:
        other.load(sample)
    np.testing.assert_array_equal(last, other.load(other.samples[-1]))


def test_loading_twice_gives_equal_arrays_that_do_not_share_memory():
    data = make_frames()
    first, second = data.load(data.samples[0]), data.load(data.samples[0])
    np.testing.assert_array_equal(first, second)
    first[:] = 0
    np.testing.assert_array_equal(second, data.load(data.samples[0]))


def test_a_listing_goes_to_another_process_without_its_pixels():
    data = make_frames()
    image = data.load(data.samples[0])
    packed = pickle.dumps(data)
    assert len(packed) < 200_000
    again = pickle.loads(packed)
    np.testing.assert_array_equal(again.load(again.samples[0]), image)


def test_samples_are_sorted_and_unique_and_have_the_size_asked_for():
    data = make_frames(size=(60, 100))
    paths = [sample.path for sample in data.samples]
    assert paths == sorted(set(paths))
    assert len(data) == 16
    assert data.cameras == ("1", "2")
    assert data.is_labelled
    image = data.load(data.samples[0])
    assert image.shape == (60, 100, 3)
    assert image.dtype == np.uint8
    assert image.std() > 5


def test_training_and_test_show_the_same_cameras_at_other_times_with_other_people():
    train, test = make_frames(frames=20), make_frames(frames=20, split="test")
    assert train.cameras == test.cameras
    assert not {s.path for s in train.samples} & {s.path for s in test.samples}
    assert people_of(train)
    assert all(person % 2 == 1 for person in people_of(train))
    assert people_of(test)
    assert all(person % 2 == 0 for person in people_of(test))


def test_unlabelled_frames_are_the_same_frames():
    labelled, bare = make_frames(), make_frames(labelled=False)
    assert all(sample.annotations is None for sample in bare.samples)
    assert not bare.is_labelled
    assert [s.path for s in bare.samples] == [s.path for s in labelled.samples]
    np.testing.assert_array_equal(bare.load(bare.samples[5]), labelled.load(labelled.samples[5]))


def test_nobody_is_twice_on_one_frame():
    for sample in make_frames("sunny_plaza", frames=30).samples:
        people = sample.annotations.person_ids[sample.annotations.person_ids >= 0]
        assert len(set(people.tolist())) == len(people)


def test_more_frames_leave_the_first_ones_alone():
    few, many = make_frames(frames=3), make_frames(frames=6)
    table = {sample.path: sample for sample in many.samples}
    for sample in few.samples:
        np.testing.assert_array_equal(sample.annotations.boxes, table[sample.path].annotations.boxes)
    np.testing.assert_array_equal(few.load(few.samples[0]), many.load(table[few.samples[0].path]))


def test_twice_the_size_gives_the_same_scene():
    small, large = make_frames(size=(192, 320)), make_frames(size=(384, 640))
    for one, two in zip(small.samples, large.samples, strict=True):
        np.testing.assert_array_equal(2 * one.annotations.boxes, two.annotations.boxes)
        np.testing.assert_array_equal(2 * one.annotations.visible, two.annotations.visible)
        np.testing.assert_array_equal(one.annotations.visible_ratio, two.annotations.visible_ratio)
    image, halved = small.load(small.samples[2]), large.load(large.samples[2])
    halved = cv2.resize(halved, (320, 192), interpolation=cv2.INTER_AREA)
    assert np.abs(cv2.blur(image, (5, 5)).astype(int) - cv2.blur(halved, (5, 5))).mean() < 3.0


def test_frames_larger_than_the_noise_field_are_drawn():
    street = make_street(domain_by_name("night_street"), 0, 1)
    assert render_frame(moment_of(street, "train", 12.0), (600, 1000)).shape == (600, 1000, 3)


def test_the_camera_of_the_frames_is_the_camera_of_the_crops():
    domain = domain_by_name("winter_station")
    street, camera = make_street(domain, 3, 2), camera_of(domain, 3, 2)
    same = ("scene", "scene_seed", "height", "path", "spread", "azimuth", "direct", "optics")
    assert all(getattr(street.eye, name) == getattr(camera, name) for name in same)


def test_people_move_steadily():
    street = make_street(domain_by_name("sunny_plaza"), 0, 1)
    walkers = walkers_at(street, "train", 60.0)
    assert len(walkers) > 5
    for walker in walkers:
        places = np.array([walker.place_at(60.0 + step / 25) for step in range(250)])
        assert np.hypot(*np.diff(places, axis=0).T).max() < 3.2 * 0.5 / 25 + 1e-6


def test_whoever_stands_lower_on_the_picture_is_nearer_and_taller():
    street = make_street(domain_by_name("rainy_campus"), 0, 1)
    items = [item for step in range(20) for item in moment_of(street, "train", 7.0 * step).items]
    people = sorted((item for item in items if isinstance(item, Standing)), key=lambda item: item.foot[1])
    distances = [item.distance for item in people]
    assert distances == sorted(distances, reverse=True)
    metres = [item.tall / item.who.body.height for item in people]
    assert metres == sorted(metres)


@pytest.mark.parametrize(("size", "corner"), [((540, 960), (0, 0)), ((270, 480), (0, 0)), ((540, 540), (210, 0))])
def test_a_screen_shows_the_middle_of_the_full_frame(size, corner):
    screen = Screen(*size)
    assert screen.corner == pytest.approx(corner)
    assert screen.point(480.0, 270.0) == pytest.approx((size[1] / 2, size[0] / 2))


def test_counts_and_heights_are_those_of_a_street():
    data = read_world_frames("sunny_plaza", 0, frames=40)
    counts = [int((~sample.annotations.ignore).sum()) for sample in data.samples]
    assert 0 < np.mean(np.array(counts) == 0) < 0.3
    assert 2.0 < np.mean(counts) < 9.0
    heights = heights_of(data)
    assert heights.min() >= 0.09
    assert np.quantile(heights, 0.98) < 0.85
    assert np.mean((heights > 30 / 192) & (heights < 110 / 192)) > 0.6


def test_domains_differ_in_light_scale_and_density():
    frames = {name: make_frames(name, 0, frames=24) for name in ("sunny_plaza", "night_street", "rainy_campus")}
    light = {name: np.mean([data.load(s).mean() for s in data.samples[::6]]) for name, data in frames.items()}
    assert light["night_street"] < 0.75 * light["sunny_plaza"]
    scale = {name: float(np.median(heights_of(data))) for name, data in frames.items()}
    assert scale["rainy_campus"] < 0.9 * scale["sunny_plaza"]
    assert frames["night_street"].num_boxes < frames["sunny_plaza"].num_boxes


def test_digest_follows_every_parameter():
    changes = ({"seed": 6}, {"split": "test"}, {"cameras": 1}, {"frames": 7}, {"size": (96, 128)}, {"labelled": False})
    digests = {make_frames(**change).digest for change in ({}, *changes)}
    assert len(digests) == 7
    assert make_frames().digest in digests


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"split": "val"}, "'train' or 'test'"),
        ({"frames": 0}, "frames = 0"),
        ({"cameras": 100}, "cameras = 100"),
        ({"size": (8, 320)}, "height = 8"),
        ({"domain": "sunny_plazza"}, "sunny_plaza"),
    ],
)
def test_what_cannot_be_drawn_is_refused(change, message):
    with pytest.raises(DataError, match=message):
        make_frames(**change)


def test_a_frame_of_another_listing_is_refused():
    data, other = make_frames(), make_frames(cameras=3)
    with pytest.raises(DataError, match="no frame"):
        data.load(other.samples[-1])
