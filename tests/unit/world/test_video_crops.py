"""Which crops of a recording are kept, and which of them are asked for."""

import numpy as np
import pytest

from datasets.world.video.crop_picking import Crop, CropPicker, crops_of, pick_diverse
from datasets.world.video.recording import Shot
from datasets.world.video.split_truth import choose_queries
from pipeline.detection_types import FrameBoxes
from tests.references.video_crops import diverse


def make_crops(count, seed=0):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(20, 40, (count, 2))
    images = [rng.integers(0, 256, (int(h), int(w), 3), np.uint8) for h, w in sizes]
    return [Crop(7, 5 * i, image, float(rng.uniform(10, 40))) for i, image in enumerate(images)]


def make_shot(number=0, people=(3,), ratio=1.0, box=(10, 10, 30, 60), is_ignored=False):
    count = len(people)
    boxes = np.tile(np.array(box, np.float32), (count, 1))
    ratios, ignore = np.full(count, ratio, np.float32), np.full(count, is_ignored)
    marks = FrameBoxes(boxes, boxes, ratios, ignore, np.array(people, np.int64), ("pedestrian",) * count)
    return Shot(number, marks, np.full((100, 160, 3), number, np.uint8))


@pytest.mark.parametrize("seed", range(6))
def test_choice_equals_the_slow_one(seed):
    crops = make_crops(3 + seed, seed)
    chosen = [crops.index(crop) for crop in pick_diverse(crops, 4)]
    assert chosen == diverse(crops, 4)


def test_the_clearest_comes_first_and_nobody_twice():
    crops = make_crops(12)
    chosen = pick_diverse(crops, 5)
    assert chosen[0].clearness == max(crop.clearness for crop in crops)
    assert len({crop.frame for crop in chosen}) == 5


def test_equal_pictures_and_single_crops_are_no_trouble():
    crops = [crop._replace(image=np.zeros((8, 4, 3), np.uint8), clearness=1.0) for crop in make_crops(3)]
    assert [crop.frame for crop in pick_diverse(crops, 3)] == [0, 5, 10]
    assert pick_diverse(crops[:1], 4) == crops[:1]


@pytest.mark.parametrize(
    "changes", [{"ratio": 0.59}, {"box": (10, 10, 20, 24)}, {"is_ignored": True}, {"people": (-1,)}]
)
def test_who_cannot_be_made_out_gives_no_crop(changes):
    assert not list(crops_of(make_shot(**changes)))
    assert len(list(crops_of(make_shot()))) == 1


def test_a_box_over_the_border_is_cut_at_it():
    (crop,) = crops_of(make_shot(box=(-5, 40.4, 15, 120)))
    assert crop.image.shape == (60, 15, 3)


def test_a_tracklet_ends_after_a_gap():
    picker = CropPicker(shots=4, fps=10)
    ended = [list(picker.add(make_shot(number, people))) for number, people in ((0, (3,)), (5, (3, 9)), (20, (9,)))]
    assert ended == [[], [], []]
    ((only,),) = [list(picker.add(make_shot(30, (9, 3))))]
    assert sorted(crop.frame for crop in only) == [0, 5]
    rest = sorted((crop.person, crop.frame) for crops in picker.finish() for crop in crops)
    assert rest == [(3, 30), (9, 5), (9, 20), (9, 30)]
    assert not list(picker.finish())


def test_queries_leave_an_answer_in_another_camera():
    crops = [(2, 1, "a"), (2, 1, "b"), (2, 2, "c"), (4, 1, "d"), (4, 1, "e"), (6, 1, "f"), (6, 3, "g"), (6, 3, "h")]
    assert choose_queries(crops) == ["a", "g"]
    assert choose_queries([]) == []
