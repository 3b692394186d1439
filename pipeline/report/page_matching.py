"""How well one threshold tells the same person from others, and whether the threshold in a model's file holds."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.report.markup import Part, table, tag
from pipeline.report.roles import is_number, percent, role_name

Row = Mapping[str, Any]
SHOWN_FPR, SHOWN_FAR = ("0.001", "0.01"), ("0.01", "0.1")
NOTE = (
    "In per cent. TPR@x: pairs of one person across cameras that match, where x of the pairs of two people do. DIR@x: "
    "queries whose nearest row is right and near enough, where x of the queries of people who are not in the gallery "
    "are taken for somebody. The last four columns are about the threshold in the model's file: how many pairs of two "
    "people it was meant to take for one when it was chosen, how many it takes here, and how many pairs of one person "
    "it finds."
)


def matching_block(rows: Sequence[Row]) -> Part:
    """Show verification, open-set identification and the stored threshold of every model; None where not measured.

    Args:
        rows: of one evaluation on one domain.
    """
    measured = [row for row in rows if isinstance(row.get("verification"), Mapping)]
    if not measured:
        return None
    header = [
        "model", *(f"TPR@{100 * float(rate):g} %" for rate in SHOWN_FPR),
        *(f"DIR@{100 * float(rate):g} %" for rate in SHOWN_FAR),
        "threshold", "false % meant", "false % here", "TPR here",
    ]  # fmt: skip
    models: dict[str, list[str]] = {}
    for row in measured:
        models.setdefault(_source(row), []).append(role_name(row))
    sources = [f"{', '.join(names)}: {source}" for source, names in models.items() if source]
    return tag(
        "details", tag("summary", "Same person or not: one threshold for all pairs"),
        table(header, [_cells(row) for row in measured]), tag("p", NOTE, class_="soft"),
        tag("p", f"Where thresholds come from: {'; '.join(sources)}.", class_="soft") if sources else None, open="open",
    )  # fmt: skip


def _cells(row: Row) -> list[Part]:
    found, known = _part(_part(row, "verification"), "tpr_at_fpr"), _part(_part(row, "open_set"), "dir_at_far")
    match = _part(row, "match")
    threshold = match.get("threshold")
    return [
        role_name(row),
        *(percent(found.get(rate)) for rate in SHOWN_FPR), *(percent(known.get(rate)) for rate in SHOWN_FAR),
        f"{threshold:.3f}" if is_number(threshold) else "–",
        percent(match.get("rate")), percent(match.get("false_match_rate"), 2), percent(match.get("true_match_rate")),
    ]  # fmt: skip


def _source(row: Row) -> str:
    match = _part(row, "match")
    return str(match.get("from") or match.get("missing") or "")


def _part(row: Row, key: str) -> Row:
    value = row.get(key)
    return value if isinstance(value, Mapping) else {}
