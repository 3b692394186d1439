"""The report's aggregation weights: which of a teacher's blocks a search chose in each stage, and how it got there."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.report.markup import Html, figure
from pipeline.report.plots import draw_bars, draw_curves
from pipeline.report.roles import is_number
from pipeline.report.stage_files import StageFiles


def aggregation_figures(stage: StageFiles) -> list[Html]:
    """Draw the weights that a search has left, and their way there; an empty list where a stage has searched nothing.

    Args:
        stage: the stage.
    """
    figures = []
    for name, weights in found_weights(stage.summary).items():
        caption = f"Weights of the maps in {name}, from the first block to the last; the line is an equal share."
        drawn = draw_bars(weights, x_label="weight", line=1.0 / len(weights))
        figures.append(figure(drawn, caption, alt=f"weights of the maps in {name}"))
        way = _way(stage.rows("step"), name, list(weights))
        if way:
            svg = draw_curves(way, x_label="step", y_label="weight")
            figures.append(figure(svg, f"The same by step, {name}.", alt=f"weights by step in {name}"))
    return figures


def found_weights(summary: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Return the weights of each stage with several maps; what is malformed is left out.

    Args:
        summary: of a stage.

    Returns:
        Weight by the name of the map, by stage.
    """
    groups = summary.get("aggregation")
    found = {}
    for group in groups if isinstance(groups, list) else []:
        maps, weights = (group.get("maps"), group.get("weights")) if isinstance(group, Mapping) else (None, None)
        if not isinstance(maps, list) or not isinstance(weights, list) or len(maps) != len(weights):
            continue
        if len(maps) > 1 and all(is_number(weight) for weight in weights):
            found[str(group.get("stage"))] = dict(zip(map(str, maps), map(float, weights), strict=True))
    return found


def _way(
    rows: Sequence[Mapping[str, Any]], stage: str, maps: Sequence[str]
) -> dict[str, tuple[list[float], list[float]]]:
    way = {}
    for name in maps:
        told = [(row.get("step"), (row.get("facts") or {}).get(f"{stage}.{name}")) for row in rows]
        points = [(float(x), float(y)) for x, y in told if is_number(x) and is_number(y)]
        if len(points) > 1:
            way[name] = ([x for x, _ in points], [y for _, y in points])
    return way
