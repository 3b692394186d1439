"""The report's training curves: the loss terms of every stage, and what each relabel-and-train round did."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.report.markup import Html, Part, figure, section, tag
from pipeline.report.page_aggregation import aggregation_figures
from pipeline.report.page_made import made_figures
from pipeline.report.page_rounds import round_figures
from pipeline.report.plots import draw_curves
from pipeline.report.roles import is_number
from pipeline.report.run_files import RunFiles
from pipeline.report.stage_files import StageFiles

_DOMAINS = ("source", "target")
# The last one is what a search moves.
_PLAYERS = ("teacher", "student", "aggregation")


def training_section(run: RunFiles) -> Html:
    """Draw the curves of every stage that has logged steps or rounds.

    Args:
        run: the run's files.
    """
    parts: list[Part] = []
    for stage in run.done():
        figures = [*_loss_figures(stage), *aggregation_figures(stage), *made_figures(stage)]
        rounds = round_figures(stage)
        if figures or rounds:
            parts += [tag("h3", f"{stage.name} ", tag("span", f"· {stage.kind}", class_="soft"))]
            parts += [tag("div", *figures, class_="grid") if figures else None, *rounds]
    if not parts:
        parts = [tag("p", "No training stage has logged a step yet.")]
    return section("training", "Training", *parts)


def _loss_figures(stage: StageFiles) -> list[Html]:
    """Return one figure of the weighted total and one for each trained model's terms."""
    steps = [row for row in stage.rows("step") if is_number(row.get("step"))]
    figures = []
    total = curve(steps, lambda row: row.get("loss"))
    if total:
        svg = draw_curves({"total": total}, x_label="step", y_label="total loss", log=True)
        figures.append(figure(svg, "Weighted sum of all terms.", alt=f"total loss of {stage.name}"))
    for owner, names in group_terms(steps).items():
        curves = {name: curve(steps, _term(key)) for name, key in names.items()}
        series = {name: points for name, points in curves.items() if points}
        if series:
            svg = draw_curves(series, x_label="step", y_label="term, unweighted", log=True)
            caption = f"Terms of the {owner}." if owner else "Terms."
            figures.append(figure(svg, caption, alt=f"loss terms of {stage.name}"))
    return figures


def _term(key: str) -> Any:
    return lambda row: (row.get("terms") or {}).get(key)


def curve(rows: Sequence[Mapping[str, Any]], read: Any) -> tuple[list[float], list[float]] | None:
    """Return steps and values of one number, None where no row has it.

    Args:
        rows: logged steps.
        read: gives the number of one row, or anything else where the row has none.
    """
    points = [(float(row["step"]), read(row)) for row in rows]
    points = [(x, float(y)) for x, y in points if is_number(y)]
    return ([x for x, _ in points], [y for _, y in points]) if points else None


def group_terms(steps: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """Group the logged terms by the model that they train, and by the domain where a term names one.

    'student.kd' is the term kd of the student, 'student.source.pyramid' the term pyramid of the student on the source,
    'plaza.student.source.kd' the term kd of the student at the target plaza, on the source.

    Args:
        steps: logged steps.

    Returns:
        for each model, the log's key by the term's name; terms without a model stand under the empty name.
    """
    keys = sorted({str(key) for row in steps for key in (row.get("terms") or {})})
    groups: dict[str, dict[str, str]] = {}
    for key in keys:
        owner, dot, name = key.partition(".")
        domain, more, term = name.partition(".")
        if more and domain in _PLAYERS:
            groups.setdefault(f"{domain} at {owner}", {})[term.replace(".", " ")] = key
            continue
        if more and domain in _DOMAINS:
            groups.setdefault(f"{owner} on the {domain}", {})[term] = key
        else:
            groups.setdefault(owner if dot else "", {})[name if dot else key] = key
    return groups
