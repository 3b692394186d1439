"""The report's picture of searched weights, also where a summary is not what it should be."""

import xml.etree.ElementTree as ElementTree

import pytest

from pipeline.report.page_aggregation import aggregation_figures, found_weights
from pipeline.report.plots import draw_bars
from pipeline.report.stage_files import StageFiles

GROUPS = [
    {"stage": "stage1", "maps": ["layer1.0", "layer1.1"], "weights": [0.25, 0.75]},
    {"stage": "stage2", "maps": ["stage2"], "weights": [1.0]},
]


def make_rows(count):
    facts = [{"stage1.layer1.0": 0.5 - 0.1 * i, "stage1.layer1.1": 0.5 + 0.1 * i} for i in range(count)]
    return [{"event": "step", "step": i + 1, "facts": row} for i, row in enumerate(facts)]


def test_bars_are_well_formed_drawings():
    for values in ({"a": 1.0}, {"$x$ & <y>": -0.5, "b": 0.5, "layer1.0": 0.0}):
        assert ElementTree.fromstring(draw_bars(values, x_label="weight", line=0.5)).tag.endswith("svg")


@pytest.mark.parametrize(("rows", "figures"), [(0, 1), (1, 1), (4, 2)])
def test_a_stage_with_several_maps_has_its_bars_and_their_way(rows, figures):
    drawn = aggregation_figures(StageFiles("search", summary={"aggregation": GROUPS}, events=make_rows(rows)))
    assert len(drawn) == figures
    assert "weights of the maps in stage1" in str(drawn[0])
    assert "stage2" not in "".join(map(str, drawn))


@pytest.mark.parametrize(
    "summary",
    [
        {}, {"aggregation": None}, {"aggregation": {"stage1": 1}}, {"aggregation": ["stage1", {}, {"maps": 3}]},
        {"aggregation": [{"stage": "s", "maps": ["a", "b"], "weights": [1.0]}]},
        {"aggregation": [{"stage": "s", "maps": ["a", "b"], "weights": [1.0, None]}]},
    ],
)  # fmt: skip
def test_what_is_malformed_is_left_out(summary):
    assert found_weights(summary) == {}
    assert aggregation_figures(StageFiles("search", summary=summary)) == []
