"""From true tracks and cut tracklets to queries: stays, whom tracklets show, what counts."""

import numpy as np
import pytest

from pipeline.metrics.person_search import search_ap
from pipeline.metrics.search_truth import KnownTracklets, owners_of, passage_of_each, shown_persons
from pipeline.metrics.stays import Passage, SeenBoxes, passages_of
from tests.references import person_search as slow

RATES = (10.0, 5.0)


def make_boxes(rows):
    """Return boxes of (camera, frame, name, left) rows, each 10 wide and 20 high."""
    columns = np.array(rows, np.float64).reshape(-1, 4)
    left = columns[:, 3]
    boxes = np.stack([left, np.zeros_like(left), left + 10, np.full_like(left, 20)], axis=1)
    cameras, frames, names = (columns[:, i].astype(np.int64) for i in range(3))
    return SeenBoxes(cameras, frames, boxes, names)


def make_truth(seed=0):
    rng = np.random.default_rng(seed)
    rows = {(int(rng.integers(2)), int(rng.integers(120)), int(rng.integers(4))) for _ in range(260)}
    return make_boxes([(*row, 15 * row[2]) for row in rng.permutation(sorted(rows)).tolist()])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("gap", "least"), [(2.0, 1.0), (0.5, 0.6)])
def test_stays_equal_the_loops(seed, gap, least):
    truth = make_truth(seed)
    found = [
        (p.camera, p.person, p.first, p.last) for p in passages_of(truth, RATES, gap_seconds=gap, least_seconds=least)
    ]
    rows = list(zip(truth.cameras.tolist(), truth.frames.tolist(), truth.names.tolist(), strict=True))
    assert found == slow.stays(rows, RATES, gap, least)


def test_no_box_gives_no_stay():
    assert passages_of(make_boxes([]), RATES) == []


@pytest.mark.parametrize("seed", range(6))
def test_boxes_show_whom_they_overlap(seed):
    truth, rng = make_truth(seed), np.random.default_rng(seed)
    picks = rng.permutation(len(truth))[:60]
    crops = make_boxes([(truth.cameras[i], truth.frames[i], 0, truth.boxes[i, 0] + rng.uniform(-6, 6)) for i in picks])
    expected = []
    for row in range(len(crops)):
        here = (truth.cameras == crops.cameras[row]) & (truth.frames == crops.frames[row])
        overlaps = {int(truth.names[i]): slow.iou(crops.boxes[row], truth.boxes[i]) for i in np.flatnonzero(here)}
        best = max(overlaps, key=overlaps.get)
        expected.append(best if overlaps[best] >= 0.5 else -1)
    # People stand 15 apart and boxes move by 6 at most, so that nobody's box fits two people.
    assert shown_persons(crops, truth).tolist() == expected
    assert (np.array(expected) < 0).any()


def test_two_boxes_on_one_person_show_one_person_once():
    truth = make_boxes([(0, 5, 8, 0.0)])
    assert shown_persons(make_boxes([(0, 5, 0, 3.0), (0, 5, 1, 1.0), (0, 6, 1, 1.0)]), truth).tolist() == [-1, 8, -1]
    assert shown_persons(make_boxes([]), truth).tolist() == []


def test_a_tracklet_shows_whom_most_of_its_crops_show():
    crops = make_boxes([(0, frame, name, 0.0) for frame, name in enumerate((0, 0, 0, 1, 1, 2))])
    assert owners_of(crops, np.array([4, 7, 7, -1, -1, 3]), 4).tolist() == [7, -1, 3, -1]
    assert owners_of(crops, np.array([4, 7, 9, 5, -1, 3]), 3).tolist() == [4, -1, 3]


def test_a_tracklet_belongs_to_the_stay_that_it_lies_in():
    passages = [Passage(0, 7, 0, 20), Passage(0, 7, 60, 80), Passage(1, 7, 0, 20)]
    rows = [(0, 55, 0), (0, 70, 0), (0, 35, 1), (1, 3, 2), (0, 70, 3), (0, 28, 4)]
    crops = make_boxes([(*row, 0.0) for row in rows])
    owners = np.array([7, 7, 7, 8, 7])
    assert passage_of_each(crops, owners, passages, RATES).tolist() == [1, -1, 2, -1, 0]


def make_known():
    passages = [Passage(0, 7, 0, 20), Passage(1, 7, 0, 20), Passage(1, 7, 90, 99), Passage(0, 8, 0, 20)]
    cameras, owners = np.array([0, 1, 1, 1, 1]), np.array([7, 7, 7, -1, 7])
    return KnownTracklets(cameras, owners, np.array([0, 1, 1, -1, -1]), passages)


def test_a_query_is_asked_at_the_other_cameras_and_stays_that_do_not_count_are_left_out():
    query = make_known().query(7, 0, np.array([0.0, 0.2, 0.3, 0.1, 0.05]))
    assert query.distances.tolist() == [0.2, 0.3, 0.1]
    assert query.is_match.tolist() == [True, True, False]
    assert query.num_scenes == 2
    assert search_ap(query) == (0.5, 0.5)


def test_who_stood_before_no_other_camera_is_not_asked_for():
    assert make_known().query(8, 0, np.zeros(5)) is None
    assert make_known().query(8, 1, np.zeros(5)).num_scenes == 1
