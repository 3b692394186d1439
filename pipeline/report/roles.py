"""The parts that a model can play in a comparison, and how their numbers are written for people."""

from collections.abc import Mapping
from typing import Any, TypeGuard

ROLE_NAMES = {
    "student_direct": "source-only student",
    "teacher_direct": "source-only teacher",
    "teacher_adapted": "adapted teacher",
    "student_adapted": "adapted student",
    "student_supervised": "supervised student (ceiling)",
}


def role_name(row: Mapping[str, Any]) -> str:
    """Return what people read for a row: its role in words, by its own name where it is none of the five.

    Args:
        row: one row of the results; where it has no role the model's name stands for it.
    """
    role = str(row.get("role") or "")
    return ROLE_NAMES.get(role) or role.replace("_", " ") or str(row.get("model", "?"))


def role_rank(row: Mapping[str, Any]) -> int:
    """Return the row's place in a table: the order of the roles, unknown ones last.

    Args:
        row: one row of the results.
    """
    role = str(row.get("role"))
    return list(ROLE_NAMES).index(role) if role in ROLE_NAMES else len(ROLE_NAMES)


def percent(value: object, digits: int = 1) -> str:
    """Write a fraction as a percentage without its sign; '–' where there is no number.

    Args:
        value: fraction, or anything that is not a number.
        digits: decimals.
    """
    return f"{100 * value:.{digits}f}" if is_number(value) else "–"


def interval(value: object) -> str:
    """Write a pair of fractions as 'low – high' in per cent; empty where there is none.

    Args:
        value: a pair of fractions, or None.
    """
    if isinstance(value, (list, tuple)) and len(value) == 2 and all(map(is_number, value)):
        return f"{percent(value[0])} – {percent(value[1])}"
    return ""


def quantity(value: object) -> str:
    """Write a count in three digits with its unit prefix: 1234567 is '1.23 M'.

    Args:
        value: non-negative number, or None.
    """
    if not is_number(value):
        return "–"
    number = float(value)
    for factor, prefix in ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")):
        if number >= factor:
            return f"{number / factor:.3g}{prefix}" if number < 999.5 * factor else f"{number / factor:.0f}{prefix}"
    return f"{number:.3g}" if number < 999.5 else f"{number:.0f}"


def is_number(value: object) -> TypeGuard[float]:
    """Return whether a value of a parsed file is a finite number (booleans are not numbers).

    Args:
        value: any value.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return abs(value) < float("inf")
