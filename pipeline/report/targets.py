"""Runs with several targets: which domains are targets, and the means over them that a headline speaks of."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.report.roles import ROLE_NAMES, is_number

Row = Mapping[str, Any]
SOURCE, TARGET = "source", "target"
_RATES = ("mAP", "mINP", "ap50", "ap", "mr2")


def target_domains(rows: Sequence[Row]) -> list[str]:
    """Return the domains that were adapted to: the one called target, else all but the source, by name.

    Args:
        rows: rows of the results, of one half.
    """
    domains = sorted({str(row["domain"]) for row in rows})
    return [TARGET] if TARGET in domains else [domain for domain in domains if domain != SOURCE]


def fullest_evaluation(rows: Sequence[Row], domain: str) -> list[Row]:
    """Return the rows of the evaluation on a domain that compares most of the known roles; ties go to the first name.

    Args:
        rows: rows of the results, of one half.
        domain: the domain.
    """
    here = [row for row in rows if row["domain"] == domain]
    groups = [[row for row in here if row["stage"] == stage] for stage in sorted({str(row["stage"]) for row in here})]
    return max(groups, key=lambda rows: len({row["role"] for row in rows} & set(ROLE_NAMES)), default=[])


def rows_by_target(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the fullest evaluation of each target.

    Args:
        rows: rows of the results, of one half.
    """
    return {domain: fullest_evaluation(rows, domain) for domain in target_domains(rows)}


def mean_rows(by_target: Mapping[str, Sequence[Row]]) -> list[Row]:
    """Return one row for each role that was evaluated on every target, with the means of its rates.

    Intervals are left out: those of several targets have no mean.

    Args:
        by_target: rows of one evaluation on each target.
    """
    if len(by_target) == 1:
        return list(*by_target.values())
    of_role = [{row["role"]: row for row in reversed(rows)} for rows in by_target.values()]
    common = [row["role"] for row in next(iter(by_target.values()), []) if all(row["role"] in own for own in of_role)]
    return [_mean([own[role] for own in of_role]) for role in dict.fromkeys(common)]


def _mean(rows: Sequence[Row]) -> Row:
    means = {key: _mean_of([row.get(key) for row in rows]) for key in _RATES if key in rows[0]}
    curves = [row.get("cmc") or {} for row in rows]
    ranks = [rank for rank in curves[0] if all(rank in curve for curve in curves)]
    cmc = {rank: _mean_of([curve[rank] for curve in curves]) for rank in ranks}
    names = " · ".join(dict.fromkeys(str(row["model"]) for row in rows))
    kept = {key: value for key, value in rows[0].items() if key != "mAP_interval"}
    return {**kept, **means, **({"cmc": cmc} if "cmc" in kept else {}), "model": names}


def _mean_of(values: Sequence[object]) -> float | None:
    numbers = [float(value) for value in values if is_number(value)]
    return sum(numbers) / len(numbers) if numbers and len(numbers) == len(values) else None
