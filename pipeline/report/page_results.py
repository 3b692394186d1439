"""The upper half of the report: what was gained, the table of all models, speed and size."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.report.markup import Html, Part, figure, section, table, tag
from pipeline.report.plots import draw_cmc
from pipeline.report.roles import ROLE_NAMES, interval, is_number, percent, quantity, role_name
from pipeline.report.table import DETECTION_COLUMNS, REID_COLUMNS, gap_sentence, group_names

Row = Mapping[str, Any]
_BARS = {"student_direct": "direct", "student_adapted": "adapted", "student_supervised": "ceiling"}


def main_rows(results: Mapping[str, Any]) -> list[Row]:
    """Return the rows of the evaluation that the headline speaks of: the fullest one on the target.

    Args:
        results: the object of results.json.
    """
    groups = [
        [row for row in results["reid"] if (row["domain"], row["stage"]) == pair]
        for pair in group_names(results["reid"])
        if pair[0] == "target"
    ]
    return max(groups, key=lambda rows: len({row["role"] for row in rows} & set(ROLE_NAMES)), default=[])


def headline(results: Mapping[str, Any]) -> str:
    """Say in one sentence what adaptation gained.

    Args:
        results: the object of results.json.
    """
    scores = {row["role"]: row["mAP"] for row in main_rows(results) if is_number(row["mAP"])}
    direct, adapted = scores.get("student_direct"), scores.get("student_adapted")
    if adapted is None:
        return "No adapted student has been evaluated on the target yet."
    if direct is None:
        return (
            f"The adapted student reaches {percent(adapted)} % mAP on the target; there is nothing to compare it with."
        )
    start = "The small student went" if adapted > direct else "Adaptation did not help: the small student went"
    return f"{start} from {percent(direct)}\u00a0% to {percent(adapted)}\u00a0% mAP on the target."


def lead(results: Mapping[str, Any], *, target_labels_read: bool) -> Part:
    """Say what the headline's gain is worth: labels used, share of the way to the ceiling; None where neither is known.

    Args:
        results: the object of results.json.
        target_labels_read: whether a training stage may have read a label of the data that it adapted to.
    """
    sentences = []
    gap = results["gap_closed"]["reid"]
    if is_number(gap) and gap > 0:
        sentences.append(f"That is {percent(gap, 0)} % of the way to the same student trained on labels of the target.")
    if not target_labels_read:
        sentences.append("The adaptation read no label of the target.")
    spread = {row["role"]: row.get("mAP_interval") for row in main_rows(results)}
    before, after = spread.get("student_direct"), spread.get("student_adapted")
    if interval(before) and interval(after) and before[1] >= after[0] and after[1] >= before[0]:  # type: ignore[index]
        sentences.append("The two 95 % intervals overlap: more queries would tell whether the difference is real.")
    return tag("p", " ".join(sentences), class_="lead") if sentences else None


def bars(results: Mapping[str, Any]) -> Html:
    """Draw mAP of source-only, adapted and ceiling as bars, with the 95 % interval where it was measured.

    Args:
        results: the object of results.json.
    """
    rows = {row["role"]: row for row in reversed(main_rows(results)) if is_number(row["mAP"])}
    shown = [rows[role] for role in ROLE_NAMES if role in rows and role.startswith("student")]
    if not shown:
        return tag("p", "No bar picture: no student was evaluated on the target.", class_="soft")
    tops = [max(row["mAP"], row["mAP_interval"][1] if interval(row.get("mAP_interval")) else 0) for row in shown]
    # A fifth of the width stays free for the number beside the longest bar.
    scale = 1.22 * max([*tops, 0.01])
    parts = [part for row in shown for part in _bar(row, scale)]
    absent = [] if "student_supervised" in rows else [tag("p", gap_sentence(results, "reid"), class_="soft")]
    has_interval = any(row.get("mAP_interval") for row in shown)
    caption = "mAP on the target" + ("; the black line is the 95 % interval." if has_interval else ".")
    return tag("div", tag("div", *parts, class_="bars"), tag("p", caption, class_="soft"), *absent)


def _bar(row: Row, scale: float) -> list[Html]:
    width = 100 * row["mAP"] / scale
    style = _BARS.get(row["role"], "other")
    pieces: list[Part] = [tag("div", class_=f"fill {style}", style=f"width:{width:.2f}%")]
    label_at = width
    if interval(row.get("mAP_interval")):
        low, high = (100 * value / scale for value in row["mAP_interval"])
        label_at = max(width, high)
        pieces.append(tag("div", class_="whisker", style=f"left:{low:.2f}%;width:{high - low:.2f}%"))
    pieces.append(tag("div", f"{percent(row['mAP'])} %", class_="value", style=f"left:{label_at:.2f}%"))
    name = tag("div", role_name(row), tag("small", row["model"]), class_="who")
    return [name, tag("div", *pieces, class_="track")]


def tiles(results: Mapping[str, Any]) -> Html:
    """Show the few numbers that people ask for first.

    Args:
        results: the object of results.json.
    """
    rows = {row["role"]: row for row in reversed(main_rows(results))}
    student = rows.get("student_adapted") or rows.get("student_direct") or {}
    teacher = rows.get("teacher_adapted") or rows.get("teacher_direct") or {}
    found: list[tuple[str, str]] = []
    gap = results["gap_closed"]["reid"]
    if is_number(gap):
        found.append((f"{percent(gap, 0)} %", "of the gap to the ceiling closed"))
    if (student.get("cmc") or {}).get("1") is not None:
        found.append((f"{percent(student['cmc']['1'])} %", "rank-1 of the small student"))
    if is_number(student.get("params")):
        found.append((quantity(student["params"]), f"parameters{_ratio(teacher, student, 'params')}"))
    if is_number(student.get("macs")):
        found.append((quantity(student["macs"]), f"MACs an image{_ratio(teacher, student, 'macs')}"))
    if is_number(student.get("images_per_second")):
        found.append((quantity(student["images_per_second"]), "images a second"))
    return tag(
        "div", *(tag("div", tag("b", big), tag("span", small), class_="tile") for big, small in found), class_="tiles"
    )


def _ratio(teacher: Row, student: Row, key: str) -> str:
    large, small = teacher.get(key), student.get(key)
    if not (is_number(large) and is_number(small)) or not small or large < 1.05 * small:
        return ""
    return f", {large / small:.1f} times fewer than the teacher"


def results_section(results: Mapping[str, Any]) -> Html:
    """Show one table for each domain and evaluation, re-ID first, then detection, then how much of the gap was closed.

    Args:
        results: the object of results.json.
    """
    parts: list[Part] = []
    for part, columns, title in (("reid", REID_COLUMNS, "Re-ID"), ("detection", DETECTION_COLUMNS, "Detection")):
        rows = results[part]
        for domain, stage in group_names(rows):
            members = [row for row in rows if (row["domain"], row["stage"]) == (domain, stage)]
            asked = f" · {members[0].get('queries')} queries" if members[0].get("queries") else ""
            parts.append(tag("h3", f"{title} on the {domain} ", tag("span", f"· stage {stage}{asked}", class_="soft")))
            parts.append(table(["model", *columns], [_cells(row, columns) for row in members]))
        parts.append(
            tag("p", gap_sentence(results, part) if rows else f"No {title.lower()} was evaluated in this run.")
        )
    return section("results", "Results", *parts, _cmc_figure(results))


def _cells(row: Row, columns: Mapping[str, Any]) -> list[Part]:
    cells: list[Part] = [tag("span", role_name(row), tag("small", row["model"]))]
    for name, write in columns.items():
        spread = interval(row.get("mAP_interval")) if name == "mAP %" else ""
        cells.append(tag("span", write(row), tag("small", spread) if spread else None))
    return cells


def _cmc_figure(results: Mapping[str, Any]) -> Part:
    curves = {}
    for row in main_rows(results):
        curve = {int(k): float(v) for k, v in row["cmc"].items() if str(k).isdigit() and is_number(v)}
        if len(curve) >= 3:
            curves[role_name(row)] = curve
    if not curves:
        return None
    caption = "Share of queries whose person stands among the first k of the ranked list."
    return tag("div", figure(draw_cmc(curves), caption, alt="CMC curves on the target"), class_="grid two")


def size_section(results: Mapping[str, Any]) -> Html:
    """Show parameters, multiply-adds, input and measured speed of every model once.

    Args:
        results: the object of results.json.
    """
    rows: dict[str, Row] = {}
    for row in [*main_rows(results), *results["reid"], *results["detection"]]:
        rows.setdefault(row["model"], row)
    if not rows:
        return section("size", "Speed and size", tag("p", "Not measured: no evaluation has been run."))
    header = ["model", "input", "parameters", "MACs an image", "images/s"]
    keys = ("params", "macs", "images_per_second")
    cells = [
        [tag("span", role_name(row), tag("small", row["model"])), _size(row), *(quantity(row.get(key)) for key in keys)]
        for row in rows.values()
    ]
    note = "Speed was measured on the machine that ran the evaluation; compare it within this report only."
    return section("size", "Speed and size", table(header, cells), tag("p", note, class_="soft"))


def _size(row: Row) -> str:
    size = row.get("input")
    return " × ".join(map(str, size)) if isinstance(size, Sequence) and not isinstance(size, str) else "–"
