"""How well one threshold tells the same person from others, and whether the threshold in a model's file holds."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.report.markup import Part, table, tag
from pipeline.report.roles import is_number, percent, role_name

Row = Mapping[str, Any]
SHOWN_FPR, SHOWN_FAR = ("0.001", "0.01"), ("0.01", "0.1")
NOTE = (
    "TPR at FPR: share of pairs of one person across cameras that match, where so many pairs of two people do. DIR at "
    "FAR: share of queries whose nearest row is right and near enough, where so many queries of people who are not in "
    "the gallery are taken for somebody. The last columns are about the threshold in the model's file: how many false "
    "matches it was meant to make when it was chosen, and how many it makes here."
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
        "model", *(f"TPR % at {percent(float(rate))} % FPR" for rate in SHOWN_FPR),
        *(f"DIR % at {percent(float(rate), 0)} % FAR" for rate in SHOWN_FAR),
        "threshold", "false matches % meant", "false matches % here", "TPR % there",
    ]  # fmt: skip
    reasons = {
        role_name(row): str(_part(row, "match")["missing"]) for row in measured if "missing" in _part(row, "match")
    }
    missing = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
    return tag(
        "details", tag("summary", "Same person or not: one threshold for all pairs"),
        table(header, [_cells(row) for row in measured]), tag("p", NOTE, class_="soft"),
        tag("p", f"Without a threshold: {missing}.", class_="soft") if missing else None, open="open",
    )  # fmt: skip


def _cells(row: Row) -> list[Part]:
    found, known = _part(_part(row, "verification"), "tpr_at_fpr"), _part(_part(row, "open_set"), "dir_at_far")
    match = _part(row, "match")
    threshold = match.get("threshold")
    return [
        tag("span", role_name(row), tag("small", _source(match))),
        *(percent(found.get(rate)) for rate in SHOWN_FPR), *(percent(known.get(rate)) for rate in SHOWN_FAR),
        f"{threshold:.3f}" if is_number(threshold) else "–",
        percent(match.get("rate")), percent(match.get("false_match_rate"), 2), percent(match.get("true_match_rate")),
    ]  # fmt: skip


def _source(match: Row) -> Part:
    return f"threshold from {match['from']}" if "from" in match else None


def _part(row: Row, key: str) -> Row:
    value = row.get(key)
    return value if isinstance(value, Mapping) else {}
