import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from pipeline.report.lineage import place_boxes
from pipeline.report.plots import draw_cmc, draw_curves, draw_map, draw_rounds, thin_out
from pipeline.report.run_files import read_run
from tests.references import strips as reference
from tests.unit.report.make_run import make_run


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 37])
def test_thinning_equals_the_loops(count):
    noise = np.random.default_rng(count)
    x, y = np.arange(count), noise.random(count)
    found, expected = thin_out(x, y, limit=10), reference.thin_out(x, y, 10)
    # Sums of at most four numbers in another order.
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-12)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-12)
    assert len(found[0]) <= 10


@pytest.mark.parametrize(
    "series",
    [
        {},
        {"total": ([1.0], [2.0])},
        {"a": ([1, 2], [float("nan"), float("nan")]), "b": ([1, 2], [-1, 5])},
        {"_hidden": ([1, 2], [1e-9, 1e9]), "$x$ & <y>": ([1, 2], [1, 2])},
    ],
)
@pytest.mark.parametrize("log", [True, False])
def test_curves_are_well_formed_drawings(series, log):
    assert ElementTree.fromstring(draw_curves(series, x_label="step", y_label="loss", log=log)).tag.endswith("svg")


def test_many_names_leave_the_axes_their_height():
    few, many = (
        ElementTree.fromstring(draw_cmc({f"model {i}": {1: 0.3, 5: 0.5} for i in range(count)})) for count in (4, 44)
    )
    heights = [float(drawing.get("height").removesuffix("pt")) for drawing in (few, many)]
    assert heights[1] > heights[0] + 72 * 2.5


def test_rounds_and_cmc_are_well_formed_drawings():
    for rejected in ([False, True], [True, True]):
        ElementTree.fromstring(draw_rounds([1, 2], [0.5, float("nan")], rejected=rejected, share=False))
    ElementTree.fromstring(draw_rounds([3], [7], rejected=[False], share=True))
    ElementTree.fromstring(draw_cmc({"a": {1: 0.5, 5: 0.7, 10: 1.0}, "b": {1: 0.0}}))


def test_map_without_points_is_a_drawing():
    empty = np.zeros(0, int)
    ElementTree.fromstring(draw_map(np.zeros((0, 2)), empty, empty, persons=[]))


def test_every_stage_stands_right_of_what_it_reads(tmp_path):
    boxes = place_boxes(read_run(make_run(tmp_path, pictures=False)))
    assert boxes["pretrain"].left < boxes["adapt"].left < boxes["score"].left
    assert boxes["pretrain"].left == boxes["direct"].left
    assert boxes["pretrain"].top + boxes["pretrain"].height < boxes["direct"].top
    assert set(boxes["adapt"].ports) == {"best", "teacher"}
