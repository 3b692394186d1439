"""Thresholds of a network: which crops and pairs they come from, what goes before what, and what a copy takes over."""

import json

import numpy as np
import pytest

from pipeline.errors import DataError
from pipeline.metrics.match_rates import rates_at
from pipeline.metrics.match_record import DEFAULT_RATE, MatchRecord, required_record
from pipeline.metrics.pair_distances import PersonRows, pairs_within
from pipeline.models.camera_statistics import fit_camera_statistics
from pipeline.training.extraction import extract_embeddings
from pipeline.training.match_calibration import (
    SeenCrops,
    calibrate,
    match_record,
    spread_crops,
    target_crops,
    transferred,
)
from pipeline.training.relabel import TargetCrops
from tests.references import matching
from tests.unit.training.make_parts import make_crops, make_model

NAMES = {"persons": "streets", "clusters": "station", "new_persons": "squares"}


def make_seen(persons=12, cameras=3, shots=3, *, seed=0, statistics=True):
    rng = np.random.default_rng(seed)
    ids, seen = (axis.ravel() for axis in np.meshgrid(np.arange(persons), np.arange(cameras), indexing="ij"))
    ids, seen = np.repeat(ids, shots), np.repeat(seen, shots)
    raw = 2 * rng.normal(size=(persons, 6))[ids] + rng.normal(size=(cameras, 6))[seen] + rng.normal(size=(len(ids), 6))
    raw = raw.astype(np.float32)
    own = fit_camera_statistics(raw, seen, names=tuple("abc"[:cameras])) if statistics else None
    return SeenCrops(raw, ids, seen, own)


def test_few_crops_are_all_taken():
    ids, cameras = np.array([3, -1, 0, 3]), np.array([0, 0, -1, 1])
    np.testing.assert_array_equal(spread_crops(ids, cameras, most=3), [0, 2, 3])


@pytest.mark.parametrize("most", [1, 5, 24, 40, 57])
def test_crops_are_spread_over_persons_and_cameras(most):
    rng = np.random.default_rng(2)
    ids, cameras = rng.integers(-1, 6, 200), rng.integers(0, 4, 200)
    chosen = spread_crops(ids, cameras, most=most)
    assert len(chosen) <= most
    assert (np.diff(chosen) > 0).all()
    assert (ids[chosen] >= 0).all()
    groups = {(p, c): np.sum((ids == p) & (cameras == c)) for p in range(6) for c in range(4)}
    taken = {(p, c): np.sum((ids[chosen] == p) & (cameras[chosen] == c)) for p, c in groups}
    if most >= len(groups):
        each = max(taken.values())
        assert all(taken[group] == min(each, count) for group, count in groups.items())
        assert sum(min(each + 1, count) for count in groups.values()) > most


def test_thresholds_are_those_of_all_pairs_across_cameras():
    seen = make_seen(statistics=False)
    (one,) = match_record({"persons": [seen]}, names=NAMES).evidence
    own, other = matching.pairs(seen.raw, seen.ids, seen.cameras)
    distances = [matching.cosine_distance(seen.raw[i], seen.raw[j]) for i, j in other]
    assert (one.data, one.labels, one.is_standardised) == ("streets", "persons", False)
    assert (one.genuine, one.impostors) == (len(own), len(other))
    assert [point.rate for point in one.points] == [0.001, 0.01, 0.05, 0.1]
    for point in one.points:
        assert point.threshold == pytest.approx(matching.threshold(distances, point.rate), abs=1e-6)


def test_standardised_embeddings_have_thresholds_of_their_own_and_the_smallest_is_taken():
    record = match_record({"persons": [make_seen(seed=1)], "clusters": [make_seen(seed=2)]}, names=NAMES)
    assert [(one.data, one.is_standardised) for one in record.evidence] == [
        ("streets", True), ("station", True), ("streets", False), ("station", False),
    ]  # fmt: skip
    for is_standardised in (True, False):
        evidence, point = record.chosen(is_standardised=is_standardised)
        both = {
            one.data: next(p.threshold for p in one.points if p.rate == DEFAULT_RATE)
            for one in record.evidence
            if one.is_standardised == is_standardised
        }
        assert (point.rate, point.threshold) == (DEFAULT_RATE, min(both.values()))
        assert both[evidence.data] == point.threshold
        assert record.summary(is_standardised=is_standardised)["threshold"] == point.threshold


def test_people_whom_the_network_has_not_met_go_before_all_others():
    groups = {"clusters": [make_seen(seed=2)], "persons": [make_seen(seed=1)], "new_persons": [make_seen(seed=3)]}
    for order in (groups, dict(reversed(groups.items()))):
        record = match_record(order, names=NAMES)
        assert record.chosen(is_standardised=True)[0].data == "squares"
        assert [one.labels for one in record.evidence[:3]] == ["new_persons", "persons", "clusters"]


def test_two_clusters_that_no_camera_has_both_seen_are_no_pair():
    seen = make_seen(persons=4, cameras=2, shots=4, statistics=False)
    is_left = (seen.ids < 2) == (seen.cameras == 0)
    apart = SeenCrops(seen.raw[is_left], seen.ids[is_left], seen.cameras[is_left])
    assert match_record({"clusters": [apart]}, names=NAMES).evidence == ()
    assert len(match_record({"persons": [apart]}, names=NAMES).evidence) == 1


def test_a_rate_that_too_few_pairs_support_is_taken_from_others():
    groups = {"persons": [make_seen(persons=40, statistics=False)], "new_persons": [make_seen(persons=3)]}
    record = match_record(groups, names=NAMES)
    assert record.chosen(0.1, is_standardised=False)[0].data == "squares"
    assert record.chosen(0.001, is_standardised=False)[0].data == "streets"


def test_data_sets_of_a_merged_source_are_not_paired():
    parts = [make_seen(persons=5, seed=seed, statistics=False) for seed in (3, 4)]
    (one,) = match_record({"persons": parts}, names={"persons": "a + b"}).evidence
    counts = [[len(pairs) for pairs in matching.pairs(p.raw, p.ids, p.cameras)] for p in parts]
    assert [one.genuine, one.impostors] == np.sum(counts, axis=0).tolist()


def test_what_cannot_be_answered_is_one_sentence():
    record = match_record({"persons": [make_seen(statistics=False)]}, names=NAMES)
    with pytest.raises(
        DataError, match=r"false-match rate of 0\.3; expected one that is stored \(0\.001, 0\.01, 0\.05, 0\.1"
    ):
        record.chosen(0.3, is_standardised=False)
    with pytest.raises(DataError, match="no threshold for embeddings that are standardised by camera"):
        record.chosen(0.01, is_standardised=True)
    with pytest.raises(DataError, match=r"old\.safetensors holds no threshold for 'same person'"):
        required_record(None, "old.safetensors")
    assert record.summary(is_standardised=True) is None
    assert required_record(record, "x") is record


def test_a_record_survives_a_header():
    record = match_record({"persons": [make_seen()], "clusters": [make_seen(seed=1)]}, names=NAMES)
    assert MatchRecord.from_json(json.loads(json.dumps(record.to_json()))) == record


def test_one_camera_or_one_person_gives_no_threshold():
    alone = make_seen(persons=1, statistics=False)
    single = make_seen(cameras=1, statistics=False)
    assert match_record({"persons": [alone]}, names=NAMES).evidence == ()
    assert match_record({"persons": [single]}, names=NAMES).evidence == match_record({}, names=NAMES).evidence == ()


def test_a_copy_with_the_same_embeddings_keeps_what_matches():
    target = make_seen(seed=7)
    record = match_record({"persons": [make_seen(seed=5)], "clusters": [make_seen(seed=6)]}, names=NAMES)
    rounded = SeenCrops(np.round(2 * target.raw) / 2, target.ids, target.cameras, target.statistics)
    for copy in (target, rounded):
        moved = transferred(record, target, copy)
        assert len(moved.evidence) == len(record.evidence)
        for old, new in zip(record.evidence, moved.evidence, strict=True):
            for was, now in zip(old.points, new.points, strict=True):
                below = [share(seen, point, old) for seen, point in ((target, was), (copy, now))]
                assert below[0] == pytest.approx(below[1], abs=2e-3)
                assert (was.rate, was.true_match_rate) == (now.rate, now.true_match_rate)


def share(seen, point, evidence):
    """Return the share of all pairs across cameras that a point takes for one person."""
    features = seen.rows(is_standardised=evidence.is_standardised).features
    rows = PersonRows(features, np.arange(len(features)), seen.cameras)
    return rates_at(lambda: pairs_within(rows), point.threshold)[1]


def test_a_network_is_calibrated_on_labels_of_the_source_and_clusters_of_the_target():
    model, source, crops = make_model(), make_crops(), make_crops(seed=1, labelled=False)
    target = TargetCrops(crops, ("1", "2"))
    labels = np.arange(len(crops)) // 6
    raw = extract_embeddings(model, crops)
    statistics = fit_camera_statistics(raw, target.cameras, names=target.names)
    seen = target_crops(model, target, labels, statistics=statistics)
    np.testing.assert_array_equal(seen[0].raw, raw)
    record = calibrate(model, source, seen, names=NAMES, is_standardised=True)
    assert [(one.labels, one.is_standardised) for one in record.evidence] == [
        ("persons", True), ("clusters", True), ("persons", False), ("clusters", False),
    ]  # fmt: skip
    assert record == calibrate(model, source, seen, names=NAMES, is_standardised=True)
    assert target_crops(model, target, None, statistics=statistics) == []
    plain = calibrate(model, source, names=NAMES, is_standardised=False)
    assert [(one.labels, one.is_standardised) for one in plain.evidence] == [("persons", False)]
    assert calibrate(model, None, names=NAMES, is_standardised=True).evidence == ()
    others = calibrate(model, source, seen, names=NAMES, is_standardised=True, new_people=make_crops(seed=2))
    assert {one.labels for one in others.evidence if one.is_standardised} == {"new_persons", "persons", "clusters"}
