import pytest

from pipeline.report.cost_curve import draw_cost_curve

COSTS = {"ours": {1000: 0.5, 2000: 1.1}, "plain": {1000: 3.0, 2000: 12.0, 4000: 50.0}}


def test_every_method_every_cost_and_every_guide_is_drawn():
    panels = {"CPU seconds": {**COSTS, "one panel only": {1000: 1.0}}, "MB": COSTS}
    text = draw_cost_curve(panels, x_label="images N", guides=(1, 2))
    assert text.startswith("<svg")
    for label in ("ours", "plain", "CPU seconds", "MB", "images N", "4,000", "one panel only"):
        assert label in text


def test_the_picture_is_the_same_each_time():
    pictures = [draw_cost_curve({"s": COSTS}, x_label="N") for _ in range(2)]
    assert pictures[0] == pictures[1]


@pytest.mark.parametrize("size", [1, 1000])
def test_one_size_is_drawn(size):
    assert "<svg" in draw_cost_curve({"s": {"ours": {size: 1.0}}}, x_label="N", guides=(1,))
