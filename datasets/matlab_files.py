"""Reading of MATLAB files up to version 7.2: every way in which one can be wrong becomes one sentence."""

from pathlib import Path
from typing import Any

import numpy as np
import scipy.io

from pipeline.errors import DataError


def read_matlab(path: Path, *, expected: str) -> dict[str, Any]:
    """Return the variables of a MATLAB file, all numbers as doubles.

    Small integers are stored as uint8 and would overflow in sums of coordinates.

    Args:
        path: the file.
        expected: what it should have been, for the message.

    Raises:
        DataError: it cannot be read.
    """
    try:
        return dict(scipy.io.loadmat(path, mat_dtype=True))
    except NotImplementedError as error:
        raise DataError(f"{str(path)!r} is a MATLAB 7.3 file", expected, "Save it with -v7 in MATLAB.") from error
    except Exception as error:  # damaged files end in many types
        raise DataError(f"{str(path)!r} cannot be read ({str(error) or type(error).__name__})", expected) from error


def cells(array: Any) -> list[Any]:
    """Return the entries of a MATLAB cell or struct array as a list, whatever its shape."""
    return list(np.asarray(array).reshape(-1))


def text_of(value: Any) -> str:
    """Return a MATLAB character array as a string; '' for an empty one."""
    found = np.asarray(value).reshape(-1)
    return str(found[0]) if len(found) else ""
