"""Street frames as a command line names them: a kind, a folder or domain, and settings as NAME=VALUE."""

import inspect
import json
from collections.abc import Sequence
from typing import Any

from datasets.frame_kinds import FRAME_KINDS
from datasets.frame_records import FrameData
from pipeline.errors import ConfigError


def read_frame_source(kind: str, source: str, *, split: str | None = None, words: Sequence[str] = ()) -> FrameData:
    """Read the frames that a command line names.

    Args:
        kind: such as mot or frame_folder.
        source: the folder; the domain for world_frames.
        split: of kinds that have splits.
        words: further settings of the kind, NAME=VALUE; a value is JSON where it can be read as such.

    Raises:
        ConfigError: an unknown kind or setting.
        DataError: the data cannot be read.
    """
    if kind not in FRAME_KINDS:
        raise ConfigError(f"--from {kind}", f"one of {', '.join(FRAME_KINDS)}")
    reader = FRAME_KINDS[kind]
    names = list(inspect.signature(reader).parameters)
    first = "root" if "root" in names else "domain"
    arguments: dict[str, Any] = {first: source}
    if split is not None:
        arguments["split"] = split
    for word in words:
        name, mark, value = word.partition("=")
        if not mark:
            raise ConfigError(f"--with {word}", "NAME=VALUE")
        arguments[name] = _value(value)
    known = [name for name in names if name not in ("root", "domain")]
    unknown = [name for name in arguments if name not in (first, *known)]
    if unknown:
        raise ConfigError(f"{kind} has no setting {unknown[0]!r}", f"one of {', '.join(known) or 'none'}")
    return reader(**arguments)


def _value(text: str) -> Any:
    """Return JSON as what it means, anything else as text."""
    try:
        return json.loads(text)
    except ValueError:
        return text
