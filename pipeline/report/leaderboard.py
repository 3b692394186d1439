"""The leaderboard of a comparison as a document of plain values: schema 1, described in docs/evaluation.md."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipeline.report.case_files import CaseResult

SCHEMA = 1
SCORES = ("mAP", "rank1", "mINP")
Interval = Callable[[Sequence[float]], tuple[float, float]]
Row = dict[str, Any]


def make_leaderboard(
    cases: Sequence[CaseResult], methods: Mapping[str, Mapping[str, Any]], *, references: Sequence[str],
    baseline: str | None, interval: Interval,
) -> Row:  # fmt: skip
    """Gather all methods over the cases that are scored, the best mean first.

    Args:
        cases: as they lie on the disk; those without a score of every method are left out of all numbers.
        methods: what to tell of each method's settings: `changes`, `exceptions`, `needs` (stages).
        references: other models that every case scores.
        baseline: method that the others are compared with, case by case; None compares with nothing.
        interval: 95 % interval of the mean of some values.

    Returns:
        `cases`, `methods`, `references` and `notes`; rates are fractions.
    """
    needed = {*methods, *references}
    done = [case for case in cases if needed <= set(case.scores) and set(methods) <= set(case.training)]
    rows = [_method(name, methods[name], done, baseline=baseline, interval=interval) for name in methods if done]
    rows.sort(key=lambda row: -row["mAP"]["mean"])
    return {
        "schema": SCHEMA,
        "baseline": baseline,
        "cases": [
            {"case": case.name, "done": case in done, "trained": sum(name in case.training for name in methods)}
            for case in cases
        ],
        "methods": rows,
        "references": [{"model": name, **_scores(name, done)} for name in references if done],
        "notes": _notes(done, rows, methods),
    }


def _method(
    name: str, told: Mapping[str, Any], cases: Sequence[CaseResult], *, baseline: str | None, interval: Interval
) -> Row:
    training = [case.training[name] for case in cases if name in case.training]
    first = cases[0].scores[name]
    row: Row = {
        "method": name, **_scores(name, cases), "against_baseline": None, "cost": None,
        "steps": sorted({cost.steps for cost in training}),
        "seconds_per_step": _mean([cost.seconds_per_step for cost in training]),
        "peak_megabytes": max(_known([cost.peak_megabytes for cost in training]), default=None),
        "params": first.get("params"), "macs": first.get("macs"),
        "needs": [_need(stage, cases) for stage in told["needs"]],
        "changes": list(told["changes"]), "exceptions": dict(told["exceptions"]),
    }  # fmt: skip
    if baseline is not None:
        each = [case.scores[name]["mAP"] - case.scores[baseline]["mAP"] for case in cases]
        row["against_baseline"] = {
            "mean": statistics.mean(each), "each": each, "interval": list(interval(each)) if len(each) > 1 else None,
        }  # fmt: skip
        whole = {other: [_whole(case, other, needs) for case in cases]
                 for other, needs in ((name, told["needs"]), (baseline, ()))}  # fmt: skip
        row["cost"] = _mean([ours / theirs if ours and theirs else None
                             for ours, theirs in zip(whole[name], whole[baseline], strict=True)])  # fmt: skip
    return row


def _whole(case: CaseResult, name: str, needs: Sequence[str]) -> float | None:
    """Return the seconds of a method's training with all that it alone needs, or None where a part is missing."""
    parts = [case.training.get(stage) for stage in (name, *needs)]
    return None if None in parts else sum(part.seconds for part in parts if part is not None)


def _need(stage: str, cases: Sequence[CaseResult]) -> Row:
    found = [case.training[stage] for case in cases if stage in case.training]
    return {"stage": stage, "steps": max((cost.steps for cost in found), default=0),
            "seconds": _mean([cost.seconds for cost in found])}  # fmt: skip


def _scores(name: str, cases: Sequence[CaseResult]) -> dict[str, Row]:
    rows = [case.scores[name] for case in cases]
    each = {"mAP": [row["mAP"] for row in rows], "rank1": [row["cmc"]["1"] for row in rows],
            "mINP": [row["mINP"] for row in rows]}  # fmt: skip
    return {
        key: {"mean": statistics.mean(values), "sd": statistics.stdev(values) if len(values) > 1 else None,
              "each": values} for key, values in each.items()
    }  # fmt: skip


def _notes(cases: Sequence[CaseResult], rows: Sequence[Row], methods: Mapping[str, Any]) -> list[str]:
    codes = {cost.code for case in cases for name, cost in case.training.items() if name in methods}
    steps = sorted({count for row in rows for count in row["steps"]})
    notes = [f"methods were trained by {len(codes)} states of the code"] if len(codes) > 1 else []
    notes += [f"steps differ between methods: {', '.join(map(str, steps))}"] if len(steps) > 1 else []
    if any(row["seconds_per_step"] is None for row in rows):
        notes.append("some logs hold no seconds, so cost counts whole stages there")
    sizes = {(row["params"], row["macs"]) for row in rows}
    return notes + (["students differ in size"] if len(sizes) > 1 else [])


def _mean(values: Sequence[float | None]) -> float | None:
    known = _known(values)
    return statistics.mean(known) if known and len(known) == len(values) else None


def _known(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None]
