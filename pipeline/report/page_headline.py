"""The top of the report: for each half of the run one sentence, and the few numbers that people ask for first."""

from collections.abc import Mapping
from typing import Any

from pipeline.report.halves import DETECTION, Half, Row, main_rows
from pipeline.report.markup import Html, Part, tag
from pipeline.report.page_bars import bars
from pipeline.report.roles import interval, is_number, percent, quantity
from pipeline.report.targets import rows_by_target

_SENTENCES = {
    "reid": {
        "alone": "The adapted student reaches {adapted} % mAP on {where}; there is nothing to compare it with.",
        "gain": "The small student went from {direct}\u00a0% to {adapted}\u00a0% mAP on {where}.",
        "no gain": "Adaptation did not help: the small student went from {direct}\u00a0% to {adapted}\u00a0% mAP on "
        "{where}.",
    },
    "detection": {
        "alone": "The adapted detector’s miss rate is {adapted} % on {where}; there is nothing to compare it with.",
        "gain": "The small detector’s miss rate fell from {direct}\u00a0% to {adapted}\u00a0% on {where}.",
        "no gain": "Adaptation did not help: the small detector’s miss rate went from {direct}\u00a0% to "
        "{adapted}\u00a0% on {where}.",
    },
}


def half_block(results: Mapping[str, Any], half: Half, *, target_labels_read: bool) -> Html:
    """Show what adaptation gained in one half.

    Args:
        results: the object of results.json.
        half: the half.
        target_labels_read: whether a training stage may have read a label of the data that it adapted to.
    """
    return tag(
        "div",
        tag("h1", headline(results, half)),
        lead(results, half, target_labels_read=target_labels_read),
        bars(results, half),
        tiles(results, half),
    )


def headline(results: Mapping[str, Any], half: Half) -> str:
    """Say in one sentence what adaptation gained.

    Args:
        results: the object of results.json.
        half: the half.
    """
    scores = {row["role"]: row[half.metric] for row in main_rows(results, half) if is_number(row[half.metric])}
    direct, adapted = scores.get("student_direct"), scores.get("student_adapted")
    if adapted is None:
        return f"No adapted {half.subject} has been evaluated on the target yet."
    words = _SENTENCES[half.part]
    is_gain = direct is not None and (adapted < direct if half.is_loss else adapted > direct)
    sentence = words["alone" if direct is None else "gain" if is_gain else "no gain"]
    count = len(rows_by_target(results[half.part]))
    where = "the target" if count == 1 else f"average over {count} targets"
    return sentence.format(direct=percent(direct), adapted=percent(adapted), where=where)


def lead(results: Mapping[str, Any], half: Half, *, target_labels_read: bool) -> Part:
    """Say what the headline's gain is worth: labels used, share of the way to the ceiling; None where neither is known.

    Args:
        results: the object of results.json.
        half: the half.
        target_labels_read: whether a training stage may have read a label of the data that it adapted to.
    """
    sentences = []
    gap, by_miss = results["gap_closed"][half.part], results.get("gap_closed_mr2")
    way = f"of the way to the same {half.subject} trained on labels of the target"
    if half is DETECTION and is_number(by_miss) and by_miss > 0:
        by_ap50 = f" (by AP50: {percent(gap, 0)} %)" if is_number(gap) else ""
        sentences.append(f"That is {percent(by_miss, 0)} % {way}{by_ap50}.")
    elif half is not DETECTION and is_number(gap) and gap > 0:
        sentences.append(f"That is {percent(gap, 0)} % {way}.")
    if not target_labels_read:
        sentences.append("The adaptation read no label of the target.")
    sentences += _each_target(results, half)
    spread = {row["role"]: row.get("mAP_interval") for row in main_rows(results, half)}
    before, after = spread.get("student_direct"), spread.get("student_adapted")
    if interval(before) and interval(after) and before[1] >= after[0] and after[1] >= before[0]:  # type: ignore[index]
        sentences.append("The two 95 % intervals overlap: more queries would tell whether the difference is real.")
    return tag("p", " ".join(sentences), class_="lead") if sentences else None


def _each_target(results: Mapping[str, Any], half: Half) -> list[str]:
    """Return a sentence with the student before and after at each target, where there are several."""
    by_target = rows_by_target(results[half.part])
    found = []
    for domain, rows in by_target.items():
        scores = {row["role"]: row for row in reversed(rows)}
        direct, adapted = (scores.get(role, {}) for role in ("student_direct", "student_adapted"))
        if adapted and len(by_target) > 1:
            found.append(f"{domain} {_before_after(direct, adapted, half.metric)}")
    return [f"{half.unit} in % at each target: {', '.join(found)}."] if found else []


def tiles(results: Mapping[str, Any], half: Half) -> Html:
    """Show the few numbers that people ask for first.

    Args:
        results: the object of results.json.
        half: the half.
    """
    rows = {row["role"]: row for row in reversed(main_rows(results, half))}
    direct, adapted = rows.get("student_direct", {}), rows.get("student_adapted", {})
    student = adapted or direct
    teacher = rows.get("teacher_adapted") or rows.get("teacher_direct") or {}
    found: list[tuple[str, str]] = []
    gap = results["gap_closed"][half.part]
    if is_number(gap):
        by = "AP50 " if half is DETECTION else ""
        found.append((f"{percent(gap, 0)} %", f"of the {by}gap to the ceiling closed"))
    if half is DETECTION:
        pairs = (("mr2", "MR⁻² in %, lower is better"), ("ap50", "AP50 in %, higher is better"))
        found += [(_before_after(direct, adapted, key), name) for key, name in pairs if is_number(student.get(key))]
    elif (student.get("cmc") or {}).get("1") is not None:
        found.append((f"{percent(student['cmc']['1'])} %", "rank-1 of the small student"))
    for key, name in (("params", "parameters"), ("macs", "MACs an image")):
        if is_number(student.get(key)):
            found.append((quantity(student[key]), f"{name}{_ratio(teacher, student, key)}"))
    if is_number(student.get("images_per_second")):
        found.append((quantity(student["images_per_second"]), "images a second"))
    return tag(
        "div", *(tag("div", tag("b", big), tag("span", small), class_="tile") for big, small in found), class_="tiles"
    )


def _before_after(direct: Row, adapted: Row, key: str) -> str:
    return "\u00a0→\u00a0".join(percent(row[key]) for row in (direct, adapted) if is_number(row.get(key)))


def _ratio(teacher: Row, student: Row, key: str) -> str:
    large, small = teacher.get(key), student.get(key)
    if not (is_number(large) and is_number(small)) or not small or large < 1.05 * small:
        return ""
    return f", {large / small:.1f} times fewer than the teacher"
