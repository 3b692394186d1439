"""Regular expressions with named groups that read labels from relative paths."""

import re
from collections.abc import Sequence

from pipeline.errors import ConfigError

GROUPS = ("person", "camera", "frame", "tracklet")
# Named patterns, searched in the relative path. RandPerson numbers cameras inside scenes, so both make the camera.
PATTERNS = {
    "market": r"(?:^|/)(?P<person>-?\d+)_c(?P<camera>\d+)(?:s\d+_(?P<frame>\d+))?",
    "personx": r"(?:^|/)(?P<person>-?\d+)_c(?P<camera>\d+)",
    "randperson": r"(?:^|/)(?P<person>\d+)_(?P<camera>s\d+_c\d+)_f(?P<frame>\d+)",
    "mars": r"(?:^|/)(?P<person>00-1|\d{4})C(?P<camera>\d)T(?P<tracklet>\d{4})F(?P<frame>\d{3})",
}


def compile_pattern(pattern: str, *, required: Sequence[str] = ()) -> re.Pattern[str]:
    """Compile a pattern with named groups, or look up a named one.

    Raises:
        ConfigError: it does not compile, has unknown groups or lacks a required one.
    """
    try:
        compiled = re.compile(PATTERNS.get(pattern, pattern))
    except re.error as error:
        names = ", ".join(sorted(PATTERNS))
        raise ConfigError(f"pattern {pattern!r} does not compile ({error})", f"a regex or one of {names}") from error
    missing = [group for group in required if group not in compiled.groupindex]
    unknown = sorted(set(compiled.groupindex).difference(GROUPS))
    if missing or unknown:
        found = f"pattern {pattern!r} lacks group {missing[0]}" if missing else f"unknown group {unknown[0]!r}"
        raise ConfigError(found, f"named groups among {', '.join(GROUPS)}", "Write a group as (?P<camera>\\d+).")
    return compiled
