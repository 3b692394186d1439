"""Columns of numbers out of lists of JSON objects; whatever does not fit is named in one sentence."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import DataError

Row = Mapping[str, Any]
_NUMBERS = {int, float}
_FLAGS = {int, float, bool}


def load_json(path: Path) -> Any:
    """Read a JSON file.

    Args:
        path: the file.

    Raises:
        DataError: when it is missing, unreadable or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"there is no file {path}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read: {error}", "a JSON file") from error


def check_rows(rows: Any, what: str) -> list[Row]:
    """Return `rows` if it is a list of JSON objects, else raise `DataError`.

    Args:
        rows: anything.
        what: what messages call the list.
    """
    if not isinstance(rows, list):
        raise DataError(f"{what} is {_kind(rows)}", "a list of objects")
    for index, row in enumerate(rows):
        if not isinstance(row, dict):
            raise DataError(f"{what}[{index}] is {_kind(row)}", "an object")
    return rows


def numbers(rows: Sequence[Row], key: str, *, what: str, defaults: Sequence[float] | None = None) -> np.ndarray:
    """Return one number a row.

    Args:
        rows: JSON objects.
        key: the key to read; true and false count as 1 and 0.
        what: what messages call the list.
        defaults: (N,) numbers for rows that lack the key; without it a missing key is an error.

    Returns:
        (N,) float64, all finite.

    Raises:
        DataError: naming the first row whose value is missing, not a number or not finite.
    """
    values = _values(rows, key, what=what, defaults=defaults)
    for index, value in enumerate(values):
        if type(value) not in _FLAGS:
            raise DataError(f"{what}[{index}] has {key} {_shown(value)}", "a number")
    return _finite(values, key, what=what)


def identifiers(rows: Sequence[Row], key: str, *, what: str) -> list[int | str]:
    """Return one identifier a row, a whole number or a string.

    Args:
        rows: JSON objects.
        key: the key to read.
        what: what messages call the list.

    Raises:
        DataError: naming the first row whose value is missing or something else.
    """
    values = _values(rows, key, what=what)
    for index, value in enumerate(values):
        if type(value) not in (int, str):
            raise DataError(f"{what}[{index}] has {key} {_shown(value)}", "a whole number or a string")
    return values


def integers(rows: Sequence[Row], key: str, *, what: str) -> np.ndarray:
    """Return one whole number a row.

    Args:
        rows: JSON objects.
        key: the key to read.
        what: what messages call the list.

    Raises:
        DataError: naming the first row whose value is missing or no whole number.
    """
    values = _values(rows, key, what=what)
    for index, value in enumerate(values):
        if type(value) is not int or abs(value) >= 1 << 62:
            raise DataError(f"{what}[{index}] has {key} {_shown(value)}", "a whole number")
    return np.array(values, dtype=np.int64)


def boxes(rows: Sequence[Row], key: str, *, what: str) -> np.ndarray:
    """Return one box a row.

    Args:
        rows: JSON objects.
        key: the key to read: left, top, width and height.
        what: what messages call the list.

    Returns:
        (N, 4) float64 xywh, all finite, no side negative.

    Raises:
        DataError: naming the first row whose box is missing or no such box.
    """
    values = _values(rows, key, what=what)
    for index, value in enumerate(values):
        if type(value) is not list or len(value) != 4 or not {type(side) for side in value} <= _NUMBERS:
            raise DataError(f"{what}[{index}] has {key} {_shown(value)}", "[left, top, width, height]")
    sides = _finite(values, key, what=what).reshape(-1, 4)
    for index in np.flatnonzero((sides[:, 2:] < 0).any(axis=1))[:1]:
        raise DataError(f"{what}[{index}] has {key} {_shown(values[index])}", "a width and a height of at least 0")
    return sides


def _values(rows: Sequence[Row], key: str, *, what: str, defaults: Sequence[float] | None = None) -> list[Any]:
    if defaults is not None:
        return [row.get(key, default) for row, default in zip(rows, defaults, strict=True)]
    for index in _lacking(rows, key):
        raise DataError(f"{what}[{index}] lacks {key!r}", f"{key!r} in every entry")
    return [row[key] for row in rows]


def _lacking(rows: Sequence[Row], key: str) -> Iterator[int]:
    return (index for index, row in enumerate(rows) if key not in row)


def _finite(values: list[Any], key: str, *, what: str) -> np.ndarray:
    try:
        array = np.array(values, dtype=np.float64)
    except OverflowError as error:
        raise DataError(f"{what} has a {key} beyond the range of floating point", "finite numbers") from error
    for index in np.argwhere(~np.isfinite(array))[:1, 0].tolist():
        raise DataError(f"{what}[{index}] has {key} {_shown(values[index])}", "finite numbers")
    return array


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a truth value", type(None): "null"}
    return names.get(type(value), "a number")


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
