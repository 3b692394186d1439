"""The results as a table: its columns, and its layout for a terminal."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipeline.report.roles import is_number, percent, quantity, role_name

Column = Callable[[Mapping[str, Any]], str]
TITLES = {"reid": "Re-ID", "detection": "Detection", "classification": "Classification"}
MISS_RATE_NOTE = (
    "MR⁻² is the log-average miss rate between 0.01 and 1 false positives an image: lower is better. AP and AP50 are "
    "COCO's: higher is better."
)


def format_table(results: Mapping[str, Any]) -> str:
    """Lay out the results for a terminal: one block a domain and evaluation stage, then the gap that was closed.

    Args:
        results: the object of results.json.

    Returns:
        lines without a final line break; rates in per cent.
    """
    lines: list[str] = []
    for part, columns in COLUMNS.items():
        rows = results.get(part) or []
        for domain, stage in group_names(rows):
            members = [row for row in rows if (row["domain"], row["stage"]) == (domain, stage)]
            cells = [["model", *columns], *([role_name(row), *(f(row) for f in columns.values())] for row in members)]
            lines += [f"{TITLES[part]} on the {domain} · {stage}{counted(members)}", *_align(cells), ""]
    lines += [MISS_RATE_NOTE] if results.get("detection") else []
    lines += [gap_sentence(results, part) for part in ("reid", "detection") if results.get(part)]
    return "\n".join(lines) if lines else "No evaluation has been run yet: there is nothing to compare."


def gap_sentence(results: Mapping[str, Any], part: str) -> str:
    """Say how much of the distance between the source-only and the supervised student adaptation has covered.

    Args:
        results: the object of results.json.
        part: reid or detection.

    Returns:
        one line.
    """
    value = (results.get("gap_closed") or {}).get(part)
    name = {"reid": "re-ID", "detection": "detection"}[part]
    way = "of the way from the source-only to the supervised student"
    if is_number(value) and part == "detection":
        by_miss = results.get("gap_closed_mr2")
        also = f" by AP50, {percent(by_miss, 0)} % by MR⁻²" if is_number(by_miss) else " by AP50"
        return f"Gap closed (detection): {percent(value, 0)} % {way}{also}."
    if is_number(value):
        return f"Gap closed ({name}): {percent(value, 0)} % {way}."
    return (
        f"Gap closed ({name}): not known, {(results.get('gap_closed_reason') or {}).get(part, 'no reason recorded')}."
    )


def counted(rows: Sequence[Mapping[str, Any]]) -> str:
    """Say what the rows of one table were counted over, after a separator; empty where it was not recorded.

    Args:
        rows: rows of one evaluation on one domain.
    """
    first = rows[0] if rows else {}
    names = (("queries", "queries"), ("frames", "frames"), ("boxes", "people"), ("images", "images"))
    return "".join(f" · {first[key]} {name}" for key, name in names if is_number(first.get(key)))


def group_names(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return the (domain, stage) pairs of the rows, the target domain first.

    Args:
        rows: rows of the results.
    """
    return sorted({(row["domain"], row["stage"]) for row in rows}, key=lambda pair: (pair[0] != "target", *pair))


def _align(cells: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))])
        for row in cells
    ]
    return [lines[0], "-" * len(lines[0]), *lines[1:]]


def _cmc(rank: str, row: Mapping[str, Any]) -> str:
    return percent((row.get("cmc") or {}).get(rank))


SIZE_COLUMNS: Mapping[str, Column] = {
    "parameters": lambda row: quantity(row.get("params")),
    "MACs": lambda row: quantity(row.get("macs")),
    "images/s": lambda row: quantity(row.get("images_per_second")),
}
REID_COLUMNS: Mapping[str, Column] = {
    "mAP %": lambda row: percent(row.get("mAP")),
    "R1 %": lambda row: _cmc("1", row),
    "R5 %": lambda row: _cmc("5", row),
    "mINP %": lambda row: percent(row.get("mINP")),
    **SIZE_COLUMNS,
}
DETECTION_COLUMNS: Mapping[str, Column] = {
    "MR⁻² %": lambda row: percent(row.get("mr2")),
    "AP50 %": lambda row: percent(row.get("ap50")),
    "AP %": lambda row: percent(row.get("ap")),
    **SIZE_COLUMNS,
}
CLASS_COLUMNS: Mapping[str, Column] = {
    "top-1 %": lambda row: percent(row.get("top1")),
    "top-5 %": lambda row: percent(row.get("top5")),
    "like the teacher %": lambda row: percent(row.get("agreement")),
    "calibration error %": lambda row: percent(row.get("ece")),
    **SIZE_COLUMNS,
}
COLUMNS: Mapping[str, Mapping[str, Column]] = {
    "reid": REID_COLUMNS,
    "detection": DETECTION_COLUMNS,
    "classification": CLASS_COLUMNS,
}
