import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.report.page_misses import read_curve
from pipeline.report.plot_misses import REFERENCES, MissCurve, draw_misses, sampled
from tests.references import frames_drawn as reference


def make_curve(fppi, miss, name="a", place=0) -> MissCurve:
    return MissCurve(name, place, np.asarray(fppi, float), np.asarray(miss, float))


def test_marks_stand_at_quarter_decades():
    assert len(REFERENCES) == 9
    np.testing.assert_allclose(REFERENCES, np.logspace(-2, 0, 9), rtol=1e-12)


def test_marks_have_the_miss_rate_as_their_geometric_mean():
    # 10 images, 4 people, right and false in turn: MR^-2 is 0.475214.
    curve = make_curve([1e-3, 0.1, 0.1, 0.2, 0.2], [0.75, 0.75, 0.5, 0.5, 0.25])
    assert np.exp(np.log(sampled(curve)).mean()) == pytest.approx(0.475214, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([*REFERENCES, 0.003, 0.02, 0.4, 5.0]), st.integers(0, 8)), max_size=9))
def test_marks_equal_the_loops(points):
    fppi, miss = sorted(rate for rate, _ in points), sorted((share / 8 for _, share in points), reverse=True)
    assert sampled(make_curve(fppi, miss)).tolist() == reference.sampled(fppi, miss, REFERENCES)


@pytest.mark.parametrize(
    "curves",
    [
        [],
        [make_curve([], [])],
        [make_curve([1e-3], [1.0])],
        [make_curve([1e-3, 0.5], [0.2, 0.0])],
        [make_curve([1e-3, 400.0], [0.9, 0.1], name="$\\bad & <y>"), make_curve([0.2], [0.5], name="_b", place=30)],
    ],
)
def test_curves_are_well_formed_drawings(curves):
    assert ElementTree.fromstring(draw_misses(curves)).tag.endswith("svg")


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        {"fppi": [0.1]},
        {"fppi": [0.1], "miss": []},
        {"fppi": [0.0], "miss": [1.0]},
        {"fppi": [0.2, 0.1], "miss": [1.0, 0.5]},
        {"fppi": [0.1], "miss": [1.5]},
        {"fppi": ["0.1"], "miss": [1.0]},
        {"fppi": [float("nan")], "miss": [1.0]},
    ],
)
def test_what_is_no_curve_is_refused(value):
    assert read_curve(value, "a", place=0) is None
