"""The report's rounds: what each relabel-and-train round of re-ID, or of a detector's distillation, was worth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.report.halves import is_detector
from pipeline.report.markup import Html, figure, table, tag
from pipeline.report.plots import draw_rounds
from pipeline.report.roles import is_number
from pipeline.report.stage_files import StageFiles

Row = Mapping[str, Any]


@dataclass(frozen=True)
class RoundCurve:
    """One number of a round.

    Args:
        key: its key in the log.
        title: caption of its figure.
        is_share: whether it is a share of 1.
        column: head of its column.
    """

    key: str
    title: str
    is_share: bool
    column: str


_BETA = RoundCurve("beta", "β, the student's share", True, "β")
REID_CURVES = (
    RoundCurve("clusters", "clusters found", False, "clusters"),
    RoundCurve("outliers", "share of outliers", True, "outliers"),
    RoundCurve("agreement", "agreement with the round before", True, "agreement"),
    RoundCurve("selection", "unsupervised model score", False, "selection"),
    _BETA,
)
DETECTION_CURVES = (
    RoundCurve("selection", "label-free score: agreement with the mirrored frame", True, "selection"),
    RoundCurve("teacher_agreement", "agreement with the teacher", True, "teacher"),
    RoundCurve("boxes_a_frame", "sum of the confidences in a frame", False, "boxes a frame"),
    _BETA,
)
_REJECTED = {
    False: "A cross marks a round that was rolled back.",
    True: "A cross marks a state that scored lower than an earlier one; training went on from it.",
}


def round_figures(stage: StageFiles) -> list[Html]:
    """Draw what the rounds of a stage have logged; an empty list where there are none.

    Args:
        stage: the stage.
    """
    rows = [row for row in stage.rows("round") if is_number(row.get("round"))]
    curves = [curve for curve in curves_of(stage) if any(is_number(row.get(curve.key)) for row in rows)]
    rejected = [row.get("accepted") is False for row in rows]
    if not curves:
        return []
    figures = []
    for curve in curves:
        values = [float(row[curve.key]) if is_number(row.get(curve.key)) else float("nan") for row in rows]
        svg = draw_rounds([row["round"] for row in rows], values, rejected=rejected, share=curve.is_share)
        figures.append(figure(svg, curve.title, alt=f"{curve.title} by round"))
    means = tag("p", "Means over the targets; scores of each stand in the numbers.", class_="soft")
    has_several = any(_scores_of_targets(row) for row in rows)
    sentence = tag("p", _REJECTED[is_detector(stage.kind)], class_="soft")
    return [
        tag("div", *figures, class_="grid small"),
        *([means] if has_several else []),
        *([sentence] if any(rejected) else []),
        tag("details", tag("summary", "All rounds in numbers"), _numbers(rows, curves)),
    ]


def curves_of(stage: StageFiles) -> list[RoundCurve]:
    """Return what is worth drawing of a stage's rounds.

    Without target frames a detector's rounds are not judged, and β says nothing where the teacher does not learn.

    Args:
        stage: the stage.
    """
    if not is_detector(stage.kind):
        return list(REID_CURVES)
    is_judged = any(is_number(row.get("teacher_agreement")) for row in stage.rows("round"))
    teacher_learns = any(
        str(key).startswith("teacher.") for row in stage.rows("step") for key in row.get("terms") or {}
    )
    skipped = {"selection": not is_judged, "beta": not teacher_learns}
    return [curve for curve in DETECTION_CURVES if not skipped.get(curve.key, False)]


def _numbers(rows: Sequence[Row], curves: Sequence[RoundCurve]) -> Html:
    columns = {"round": "round", **{curve.key: curve.column for curve in curves}}
    rows = [{**row, **_scores_of_targets(row)} for row in rows]
    columns |= {key: key.replace("selection", "score") for key in _scores_of_targets(rows[0])}
    columns |= {key: key for key in ("seconds", "accepted", "note") if any(key in row for row in rows)}
    cells = [[_cell(row.get(key)) for key in columns] for row in rows]
    return table(list(columns.values()), cells, text_columns=0)


def _scores_of_targets(row: Row) -> dict[str, object]:
    """Return the label-free score at each target, where a stage has several."""
    targets = row.get("targets")
    parts = targets.items() if isinstance(targets, Mapping) else ()
    return {f"selection at {name}": own.get("selection") for name, own in parts if isinstance(own, Mapping)}


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if is_number(value):
        return f"{value:.4g}"
    return "–" if value is None else str(value)
