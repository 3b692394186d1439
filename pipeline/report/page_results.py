"""The tables of the report: all models, speed and size."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.report.halves import REID, Half, Row, main_rows
from pipeline.report.markup import Html, Part, figure, section, table, tag
from pipeline.report.page_cameras import cameras_block
from pipeline.report.page_matching import matching_block
from pipeline.report.plots import draw_cmc
from pipeline.report.roles import interval, is_number, percent, quantity, role_name
from pipeline.report.table import MISS_RATE_NOTE, counted, gap_sentence, group_names
from pipeline.report.targets import rows_by_target


def results_section(results: Mapping[str, Any], halves: Sequence[Half]) -> Html:
    """Show one table for each domain and evaluation, re-ID first, then detection, then how much of the gap was closed.

    Args:
        results: the object of results.json.
        halves: the halves that the run has.
    """
    parts: list[Part] = []
    for half in halves:
        rows = results[half.part]
        for domain, stage in group_names(rows):
            members = [row for row in rows if (row["domain"], row["stage"]) == (domain, stage)]
            facts = tag("span", f"· stage {stage}{counted(members)}", class_="soft")
            parts.append(tag("h3", f"{half.title} on the {domain} ", facts))
            parts.append(table(["model", *half.columns], [_cells(row, half.columns) for row in members]))
            parts += [cameras_block(members), matching_block(members)]
        missing = f"No {half.title.lower()} was evaluated in this run."
        parts += [_rules(rows), tag("p", gap_sentence(results, half.part) if rows else missing)]
        parts += [_cmc_figure(results)] if half is REID else []
    return section("results", "Results", *parts)


def _rules(rows: Sequence[Row]) -> Part:
    """Say how the miss rate reads, and over whom; None where there is none."""
    if not any("mr2" in row for row in rows):
        return None
    subsets = dict.fromkeys(str(row["subset"]) for row in rows if row.get("subset"))
    whom = f" People who count: {'; '.join(subsets)}." if subsets else ""
    return tag("p", MISS_RATE_NOTE + whom, class_="soft")


def _cells(row: Row, columns: Mapping[str, Any]) -> list[Part]:
    cells: list[Part] = [tag("span", role_name(row), tag("small", row["model"]))]
    for name, write in columns.items():
        spread = interval(row.get("mAP_interval")) if name == "mAP %" else ""
        cells.append(tag("span", write(row), tag("small", spread) if spread else None))
    return cells


def _cmc_figure(results: Mapping[str, Any]) -> Part:
    curves = {}
    for row in main_rows(results, REID):
        curve = {int(k): float(v) for k, v in row["cmc"].items() if str(k).isdigit() and is_number(v)}
        if len(curve) >= 3:
            curves[role_name(row)] = curve
    if not curves:
        return None
    caption = "Share of queries whose person stands among the first k of the ranked list."
    return tag("div", figure(draw_cmc(curves), caption, alt="CMC curves on the target"), class_="grid two")


def size_section(results: Mapping[str, Any], halves: Sequence[Half]) -> Html:
    """Show parameters, multiply-adds, input and measured speed of every model once.

    Args:
        results: the object of results.json.
        halves: the halves that the run has.
    """
    parts: list[Part] = []
    for half in halves:
        rows: dict[str, Row] = {}
        main = [row for own in rows_by_target(results[half.part]).values() for row in own]
        for row in [*main, *results[half.part]]:
            rows.setdefault(row["model"], row)
        if rows:
            parts += [tag("h3", half.title) if len(halves) > 1 else None, _size_table(list(rows.values()))]
    if not parts:
        return section("size", "Speed and size", tag("p", "Not measured: no evaluation has been run."))
    note = "Speed was measured on the machine that ran the evaluation; compare it within this report only."
    return section("size", "Speed and size", *parts, tag("p", note, class_="soft"))


def _size_table(rows: Sequence[Row]) -> Html:
    header = ["model", "input", "parameters", "MACs an image", "images/s"]
    keys = ["params", "macs", "images_per_second"]
    # Measured where a run has networks that compute otherwise than in float32.
    compares = any("top1_agreement" in row for row in rows)
    if compares:
        header += ["bytes on disk", "same first rank %"]
        keys.append("file_bytes")
    cells = [
        [
            tag("span", role_name(row), tag("small", row["model"])),
            _size(row),
            *(quantity(row.get(key)) for key in keys),
            *([percent(row.get("top1_agreement"))] if compares else []),
        ]
        for row in rows
    ]
    return table(header, cells)


def _size(row: Row) -> str:
    size = row.get("input")
    return " × ".join(map(str, size)) if isinstance(size, Sequence) and not isinstance(size, str) else "–"
