"""Reading of annotation files: every way in which a file can be wrong becomes one sentence."""

import json
from pathlib import Path
from typing import Any

from pipeline.errors import DataError

_MOST_EXACT = 2**53


def read_text(path: Path, *, expected: str) -> str:
    """Return the content of a UTF-8 file.

    Args:
        path: the file.
        expected: what it should have been, for the message.

    Raises:
        DataError: it is missing or is no text.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise DataError(f"annotation file {str(path)!r} cannot be read ({reason})", expected) from error


def parse_json(text: str, *, place: str) -> Any:
    """Return the tree of a JSON text.

    Args:
        text: the text.
        place: the file or line that it comes from, for the message.

    Raises:
        DataError: it is no JSON.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{place} is no JSON ({error})", "JSON text") from error


def number_fields(values: Any, count: int, *, place: str) -> tuple[float, ...]:
    """Return the first numbers of a list as floats.

    Args:
        values: a list of numbers or of words that spell numbers.
        count: how many are needed.
        place: where they stand, for the message.

    Raises:
        DataError: there are fewer, or one is no number.
    """
    try:
        numbers = tuple(float(value) for value in values[:count])
    except (TypeError, ValueError) as error:
        raise DataError(f"{place}: {values!r}", f"{count} numbers") from error
    if len(numbers) < count:
        raise DataError(f"{place}: {values!r}", f"{count} numbers")
    return numbers


def whole_number(value: Any, *, place: str) -> int:
    """Return a value as an integer.

    Args:
        value: a number or a word that spells one.
        place: where it stands, for the message.

    Raises:
        DataError: it is no whole number.
    """
    (number,) = number_fields([value], 1, place=place)
    if not number.is_integer() or abs(number) > _MOST_EXACT:
        raise DataError(f"{place}: {value!r}", "a whole number")
    return int(number)


def short_number(value: float) -> str:
    """Return the shortest text that reads back as the number; whole ones without a point."""
    return str(int(value)) if value.is_integer() else repr(value)
