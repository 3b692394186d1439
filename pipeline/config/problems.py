"""Problems of a configuration: collected first, told together."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.config.references import KeyPath
from pipeline.errors import ConfigError


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Args:
        source: file and line, or the override that it came from.
        path: keys from the top of the configuration.
        text: what is wrong, with the value.
        hint: the way out; may be empty.
    """

    source: str
    path: KeyPath
    text: str
    hint: str = ""

    def __str__(self) -> str:
        """Return the line that a user reads."""
        key = ".".join(str(part) for part in self.path)
        parts = [part for part in (self.source, key, self.text) if part]
        return ": ".join(parts) + (f"; {self.hint}" if self.hint else "")


def raise_problems(problems: Iterable[Problem]) -> None:
    """Raise one ConfigError that lists all problems, or do nothing where there is none."""
    lines = list(dict.fromkeys(str(problem) for problem in sorted(problems, key=_place)))
    if len(lines) == 1:
        raise ConfigError(lines[0])
    if lines:
        raise ConfigError(f"{len(lines)} problems in the configuration\n  " + "\n  ".join(lines))


def _place(problem: Problem) -> tuple[str, int]:
    name, _, line = problem.source.rpartition(":")
    return (name, int(line)) if line.isdigit() else (problem.source, 0)


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return `did you mean 'x'?`, or the list of what is known where nothing is close."""
    options = sorted(known)
    # A low bar: a wrong guess costs one glance, a missing one costs a look into the manual.
    close = difflib.get_close_matches(name, options, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known: {', '.join(options)}" if options else "none is defined"
