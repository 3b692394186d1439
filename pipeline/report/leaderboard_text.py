"""The leaderboard as a Markdown table, and the cells that the page shares with it."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.report.roles import is_number, percent, quantity

Board = Mapping[str, Any]


def leaderboard_markdown(board: Board) -> str:
    """Return the table with what has to be known to read it.

    Args:
        board: the document.
    """
    head, rows = cells(board)
    lines = [f"Case {case['case']}: {case['trained']} of {board['count']} methods trained, not scored yet."
             for case in board["cases"] if not case["done"]]  # fmt: skip
    if rows:
        lines += ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
        lines += ["| " + " | ".join(row) + " |" for row in rows]
        lines += ["", *(f"{line}  " for line in footnotes(board))]
    return "\n".join(lines) if lines else "No case was begun."


def cells(board: Board) -> tuple[list[str], list[list[str]]]:
    """Return column titles, and one row of cells for each method and then each other model.

    Args:
        board: the document.
    """
    baseline = board["baseline"]
    distance = f"mAP - {baseline}"
    compared = [] if baseline is None else [distance, "95 %", f"{distance}, each case", f"cost / {baseline}"]
    sizes = ["s / step", "steps", "peak MB", "parameters", "MACs"]
    head = ["method", "mAP %", "R1 %", *compared, *sizes, "differs in"]
    rows = []
    for row in board["methods"]:
        rows.append([
            row["method"], spread(row["mAP"]), spread(row["rank1"]), *_compared(row, baseline),
            _number(row["seconds_per_step"], 3), ", ".join(map(str, row["steps"])),
            _number(row["peak_megabytes"], 0), quantity(row["params"]), quantity(row["macs"]), _differs(row),
        ])  # fmt: skip
    for row in board["references"]:
        known = [row["model"].replace("_", " "), spread(row["mAP"]), spread(row["rank1"])]
        rows.append([*known, *[""] * (len(head) - 4), "no method"])
    return head, rows


def _compared(row: Mapping[str, Any], baseline: str | None) -> list[str]:
    if baseline is None:
        return []
    cost = _number(row["cost"], 2)
    if row["method"] == baseline:
        return ["–", "–", "–", cost]
    against = row["against_baseline"]
    interval = " to ".join(map(_points, against["interval"] or ())) or "–"
    return [_points(against["mean"]), interval, ", ".join(map(_points, against["each"])), cost]


def footnotes(board: Board) -> list[str]:
    """Return one sentence for each rule that the numbers follow, and each thing to beware of.

    Args:
        board: the document.
    """
    done = [case["case"] for case in board["cases"] if case["done"]]
    lines = [f"Mean ± standard deviation over {len(done)} case(s): {', '.join(done)}. Budget: {budget_words(board)}."]
    if board["baseline"] is not None:
        lines.append(
            f"95 %: bootstrap interval of the mean distance to {board['baseline']}, of paired cases drawn with "
            "replacement; of fewer than ten cases it is too narrow. Cost: seconds of all training steps by the "
            "baseline's, those of stages that a method alone needs included."
        )
    return [*lines, *(f"Beware: {note}." for note in board["notes"])]


def budget_words(board: Board) -> str:
    """Say how much training each method got.

    Args:
        board: the document.
    """
    budget = board["budget"]
    return "as written" if budget["kind"] == "as_written" else f"{budget['amount']} {budget['kind']}"


def spread(value: Mapping[str, Any]) -> str:
    """Return 'mean ± standard deviation' in percent; of one case the value alone.

    Args:
        value: `mean` and `sd`, fractions.
    """
    return percent(value["mean"]) + (f" ± {percent(value['sd'])}" if value["sd"] is not None else "")


def _points(value: float) -> str:
    return f"{100 * value:+.1f}"


def _number(value: object, digits: int) -> str:
    return f"{value:,.{digits}f}" if is_number(value) else "–"


def _differs(row: Mapping[str, Any]) -> str:
    needs = [f"needs {need['stage']} ({need['steps']} steps, {_number(need['seconds'], 0)} s)" for need in row["needs"]]
    declared: Sequence[str] = [f"exception {key}: {why}" for key, why in row["exceptions"].items()]
    return "; ".join([*row["changes"], *needs, *declared]).replace("|", "/")
