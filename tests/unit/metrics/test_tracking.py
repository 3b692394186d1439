"""IDF1, MOTA and purity beside loops that try every choice."""

import numpy as np
import pytest

from pipeline.metrics.tracking import TrackedFrame, clear_scores, counted, identity_scores
from pipeline.metrics.tracklet_purity import persons_of, tracklet_scores
from tests.references.tracking import loop_clear, loop_idf1


def at(*places):
    return np.array([(x, 0, x + 10, 20) for x in places], np.float64).reshape(-1, 4)


def make_frame(persons, tracks, **options):
    """A frame from {name: place} of people and of tracks."""
    return TrackedFrame(
        at(*persons.values()),
        np.array(list(persons), np.int64),
        at(*tracks.values()),
        np.array(list(tracks), np.int64),
        **options,
    )


def make_frames(seed, frames=12):
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(frames):
        persons = {int(p): float(12 * p + rng.uniform(-2, 2)) for p in range(4) if rng.uniform() < 0.8}
        order = rng.permutation(5) if rng.uniform() < 0.2 else np.arange(5)
        tracks = {int(order[p]): x + float(rng.uniform(-4, 4)) for p, x in persons.items() if rng.uniform() < 0.8}
        if rng.uniform() < 0.3:
            tracks[7] = float(rng.uniform(0, 50))
        made.append(make_frame(persons, tracks))
    return made


def plain(frames):
    return [
        (
            [(int(p), b.tolist()) for p, b in zip(f.persons, f.truth, strict=True)],
            [(int(t), b.tolist()) for t, b in zip(f.tracks, f.found, strict=True)],
        )
        for f in frames
    ]


@pytest.mark.parametrize("seed", range(6))
def test_scores_equal_trying_all_choices(seed):
    frames = make_frames(seed)
    assert identity_scores(frames)["idf1"] == pytest.approx(loop_idf1(plain(frames)))
    found = clear_scores(frames)
    assert [found[name] for name in ("misses", "false_boxes", "switches")] == loop_clear(plain(frames))


def test_golden_of_a_track_that_is_handed_over():
    # Person 1 is followed by track 5 in three frames and by track 6 in one; person 2 is missed.
    frames = [make_frame({1: 0, 2: 100}, {5 if i < 3 else 6: 0}) for i in range(4)]
    found = identity_scores(frames)
    assert found == {"idf1": pytest.approx(6 / 12), "idp": pytest.approx(3 / 4), "idr": pytest.approx(3 / 8)}
    assert clear_scores(frames) == {
        "mota": pytest.approx(1 - (4 + 0 + 1) / 8), "misses": 4, "false_boxes": 0, "switches": 1, "truth": 8
    }  # fmt: skip


def test_perfect_tracks_score_one_whatever_their_numbers_and_order():
    frames = [make_frame({1: i, 2: 50 - i}, {90: 50 - i, 3: i}) for i in range(5)]
    assert identity_scores(frames)["idf1"] == 1
    assert clear_scores(frames)["mota"] == 1
    assert identity_scores(frames[::-1]) == identity_scores(frames)


def test_a_pair_goes_on_although_another_overlaps_better():
    frames = [make_frame({1: 0}, {5: 0}), make_frame({1: 0}, {5: 2, 6: 0})]
    found = clear_scores(frames)
    assert (found["switches"], found["false_boxes"]) == (0, 1)


def test_a_switch_is_counted_after_a_gap():
    frames = [make_frame({1: 0}, {5: 0}), make_frame({1: 0}, {}), make_frame({1: 0}, {6: 0})]
    assert clear_scores(frames)["switches"] == 1


def test_who_need_not_be_found_and_what_covers_them_is_left_out():
    frame = make_frame({1: 0, 2: 50}, {5: 0, 6: 51, 7: 90}, ignore=np.array([False, True]))
    kept = counted(frame)
    assert (kept.persons.tolist(), kept.tracks.tolist()) == ([1], [5, 7])
    assert clear_scores([frame])["false_boxes"] == 1
    assert identity_scores([frame])["idr"] == 1


def test_nothing_to_find_and_nothing_found():
    nobody, missed, false = make_frame({}, {}), make_frame({1: 0}, {}), make_frame({}, {1: 0})
    assert identity_scores([]) == identity_scores([nobody]) == {"idf1": 1, "idp": 1, "idr": 1}
    assert identity_scores([missed]) == {"idf1": 0, "idp": 0, "idr": 0}
    assert identity_scores([false]) == {"idf1": 0, "idp": 0, "idr": 0}
    assert clear_scores([])["mota"] == clear_scores([false])["mota"] == 0
    assert clear_scores([missed])["mota"] == 0


def test_tracklets_golden():
    tracklets = np.array([0, 0, 0, 1, 1, 2, 2, 3])
    persons = np.array([4, 4, 5, 4, 4, 6, -1, -1])
    assert tracklet_scores(tracklets, persons) == {
        "purity": pytest.approx(5 / 8), "pure": pytest.approx(1 / 4), "persons": 2, "tracklets": 4
    }  # fmt: skip
    nothing = {"purity": 0, "pure": 0, "persons": 0, "tracklets": 0}
    assert tracklet_scores(np.zeros(0, np.int64), np.zeros(0, np.int64)) == nothing


def test_the_person_of_a_box():
    found = persons_of(at(51, 0, 200), at(0, 50), np.array([8, 9]))
    assert found.tolist() == [9, 8, -1]
    assert persons_of(at(), at(0), np.array([8])).tolist() == []
    assert persons_of(at(0), at(), np.zeros(0, np.int64)).tolist() == [-1]
