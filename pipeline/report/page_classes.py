"""The report's part on plain classifiers: one sentence for the top, and one table for each domain."""

from collections.abc import Mapping
from typing import Any

from pipeline.report.markup import Html, Part, section, table, tag
from pipeline.report.roles import interval, percent, role_name
from pipeline.report.table import CLASS_COLUMNS, counted

Row = Mapping[str, Any]


def classes_block(results: Mapping[str, Any]) -> Part:
    """Say which classifier is best on the first domain of the first evaluation; None without classifiers.

    Args:
        results: the object of results.json.
    """
    rows = results.get("classification") or []
    if not rows:
        return None
    first = [row for row in rows if (row["stage"], row["domain"]) == (rows[0]["stage"], rows[0]["domain"])]
    best = max(first, key=lambda row: row["top1"] or 0.0)
    others = f", the best of {len(first)} classifiers" if len(first) > 1 else ""
    text = f"{role_name(best)}: {percent(best['top1'])}\u00a0% of {first[0]['domain']} images right{others}."
    return tag("div", tag("h1", text))


def classes_section(results: Mapping[str, Any]) -> Html:
    """Show one table for each domain of each evaluation.

    Args:
        results: the object of results.json, with a part on classification.
    """
    rows = results["classification"]
    parts: list[Part] = []
    for stage, domain in dict.fromkeys((row["stage"], row["domain"]) for row in rows):
        members = [row for row in rows if (row["stage"], row["domain"]) == (stage, domain)]
        facts = tag("span", f"· stage {stage}{counted(members)}", class_="soft")
        parts.append(tag("h3", f"{domain} ", facts))
        parts.append(table(["model", *CLASS_COLUMNS], [_cells(row) for row in members]))
    note = "Below an accuracy stands its 95 % interval over images; it says nothing about other seeds."
    return section("classes", "Classification", *parts, tag("p", note, class_="soft"))


def _cells(row: Row) -> list[Part]:
    cells: list[Part] = [tag("span", role_name(row), tag("small", row["model"]))]
    for name, write in CLASS_COLUMNS.items():
        spread = interval(row.get("top1_interval")) if name == "top-1 %" else ""
        cells.append(tag("span", write(row), tag("small", spread) if spread else None))
    return cells
