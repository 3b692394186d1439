"""The bars at the top of the report: the student before, after, and trained with the target's labels."""

from collections.abc import Mapping
from typing import Any

from pipeline.report.halves import Half, Row, main_rows
from pipeline.report.markup import Html, Part, tag
from pipeline.report.roles import ROLE_NAMES, interval, is_number, percent, role_name
from pipeline.report.table import gap_sentence
from pipeline.report.targets import rows_by_target

_BARS = {"student_direct": "direct", "student_adapted": "adapted", "student_supervised": "ceiling"}


def bars(results: Mapping[str, Any], half: Half) -> Html:
    """Draw source-only, adapted and ceiling as bars, with the 95 % interval where it was measured.

    Args:
        results: the object of results.json.
        half: the half.
    """
    key = half.metric
    rows = {row["role"]: row for row in reversed(main_rows(results, half)) if is_number(row[key])}
    shown = [rows[role] for role in ROLE_NAMES if role in rows and role.startswith("student")]
    if not shown:
        return tag("p", f"No bar picture: no {half.subject} was evaluated on the target.", class_="soft")
    tops = [max(row[key], row["mAP_interval"][1] if interval(row.get("mAP_interval")) else 0) for row in shown]
    # A quarter of the width stays free for the number beside the longest bar, where two halves share the page.
    scale = 1.36 * max([*tops, 0.01])
    parts = [part for row in shown for part in _bar(row, key, scale)]
    absent = [] if "student_supervised" in rows else [tag("p", gap_sentence(results, half.part), class_="soft")]
    has_interval = any(row.get("mAP_interval") for row in shown)
    count = len(rows_by_target(results[half.part]))
    where = "on the target" if count == 1 else f"on average over {count} targets"
    caption = f"{half.unit} {where}" + ("; the black line is the 95 % interval." if has_interval else ".")
    if half.is_loss:
        caption = f"{half.unit} (log-average miss rate) {where}: the shorter the bar, the better."
    return tag("div", tag("div", *parts, class_="bars"), tag("p", caption, class_="soft"), *absent)


def _bar(row: Row, key: str, scale: float) -> list[Html]:
    width = 100 * row[key] / scale
    style = _BARS.get(row["role"], "other")
    pieces: list[Part] = [tag("div", class_=f"fill {style}", style=f"width:{width:.2f}%")]
    label_at = width
    if interval(row.get("mAP_interval")):
        low, high = (100 * value / scale for value in row["mAP_interval"])
        label_at = max(width, high)
        pieces.append(tag("div", class_="whisker", style=f"left:{low:.2f}%;width:{high - low:.2f}%"))
    pieces.append(tag("div", f"{percent(row[key])} %", class_="value", style=f"left:{label_at:.2f}%"))
    name = tag("div", role_name(row), tag("small", row["model"]), class_="who")
    return [name, tag("div", *pieces, class_="track")]
