"""Rules over persons, and the carving of query and gallery."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.carving import carve_query_gallery
from datasets.records import ReIDSample
from datasets.selection import select_persons, select_samples
from pipeline.errors import ConfigError, DataError


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("all", {1, 3, 7, 9}),
        ("even", {1, 7}),
        ("odd", {3, 9}),
        ("first:0.75", {1, 3, 7}),
        ("last:0.25", {9}),
        ("first:1/2", {1, 3}),
    ],
)
def test_rules_go_by_rank(rule, expected):
    assert select_persons([9, 1, 7, 3, 3], rule) == expected


@given(st.sets(st.integers(0, 10**6)), st.integers(1, 99))
def test_complementary_fractions_are_disjoint_and_complete(ids, percent):
    first = select_persons(ids, f"first:0.{percent:02d}")
    last = select_persons(ids, f"last:{(100 - percent) / 100:.2f}")
    assert first | last == ids
    assert not first & last


@pytest.mark.parametrize("rule", ["", "first", "first:", "first:0", "first:1.5", "first:x", "middle:0.5", "first:1/0"])
def test_unknown_rule_is_refused(rule):
    with pytest.raises(ConfigError, match="identities"):
        select_persons([1], rule)


def test_camera_spellings_are_one_camera():
    samples = [ReIDSample("a", 1, "1", "d"), ReIDSample("b", 1, "2", "d")]
    kept, skipped = select_samples(samples, cameras=["cam01"], persons=None)
    assert [s.path for s in kept] == ["a"]
    assert skipped == {"camera not selected": 1}


def _crops(*counts: tuple[int, str, int]) -> list[ReIDSample]:
    return [ReIDSample(f"{p}_{c}_{i}", p, c, "d") for p, c, n in counts for i in range(n)]


@given(
    st.dictionaries(
        st.integers(0, 5), st.dictionaries(st.sampled_from("ABC"), st.integers(1, 4), min_size=1), min_size=1
    ),
    st.integers(0, 9),
)
def test_every_carved_query_has_a_match_in_another_camera(counts, seed):
    samples = _crops(*((p, c, n) for p, cameras in counts.items() for c, n in cameras.items()))
    if all(len(cameras) < 2 for cameras in counts.values()):
        with pytest.raises(DataError, match="seen by two cameras"):
            carve_query_gallery(samples, seed=seed)
        return
    query, gallery = carve_query_gallery(samples, seed=seed)
    assert sorted(s.path for s in query + gallery) == sorted(s.path for s in samples)
    assert len({(s.person_id, s.camera_id) for s in query}) == len(query)
    asked = {s.person_id for s in query}
    assert asked == {p for p, cameras in counts.items() if len(cameras) > 1}
    for q in query:
        assert any(g.person_id == q.person_id and g.camera_id != q.camera_id for g in gallery)


def test_carving_depends_on_the_seed_and_not_on_the_order():
    samples = _crops((1, "A", 9), (1, "B", 9))
    assert carve_query_gallery(samples, seed=1)[0] == carve_query_gallery(samples[::-1], seed=1)[0]
    assert len({carve_query_gallery(samples, seed=s)[0][0].path for s in range(8)}) > 1
