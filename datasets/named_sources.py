"""Images as a command line names them: a kind, a folder or domain, and settings as NAME=VALUE."""

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from datasets.frame_kinds import FRAME_KINDS
from datasets.frame_records import FrameData
from datasets.kinds import DATA_KINDS
from datasets.records import ReIDData, ReIDProbe
from pipeline.errors import ConfigError

Data = TypeVar("Data")
PARTS = ("query", "gallery")


def read_frame_source(kind: str, source: str, *, split: str | None = None, words: Sequence[str] = ()) -> FrameData:
    """Read the street frames that a command line names.

    Args:
        kind: such as mot or frame_folder.
        source: the folder; the domain for world_frames.
        split: of kinds that have splits.
        words: further settings of the kind, NAME=VALUE; a value is JSON where it can be read as such.

    Raises:
        ConfigError: an unknown kind or setting.
        DataError: the data cannot be read.
    """
    return _read(FRAME_KINDS, kind, source, split, words)


def read_crop_source(kind: str, source: str, *, split: str | None = None, words: Sequence[str] = ()) -> ReIDData:
    """Read the person crops that a command line names.

    Args:
        kind: such as image_folder or market1501.
        source: the folder; the domain for world.
        split: of kinds that have splits; 'query' and 'gallery' are the two halves of 'query_gallery'.
        words: further settings of the kind, NAME=VALUE; a value is JSON where it can be read as such.

    Raises:
        ConfigError: an unknown kind, split or setting.
        DataError: the data cannot be read.
    """
    data = _read(DATA_KINDS, kind, source, "query_gallery" if split in PARTS else split, words)
    if isinstance(data, ReIDProbe):
        if split not in PARTS:
            raise ConfigError(
                f"--split {split} of {kind} has a query and a gallery", "--split query or --split gallery"
            )
        return data.query if split == "query" else data.gallery
    if split in PARTS:
        raise ConfigError(f"{kind} at {source} has no {split}", "crops without --split, or another kind")
    return data


def _read(
    kinds: Mapping[str, Callable[..., Data]], kind: str, source: str, split: str | None, words: Sequence[str]
) -> Data:
    if kind not in kinds:
        raise ConfigError(f"--from {kind}", f"one of {', '.join(kinds)}")
    reader = kinds[kind]
    known = list(inspect.signature(reader).parameters)
    first = "root" if "root" in known else "domain"
    arguments: dict[str, Any] = {first: source}
    if split is not None:
        arguments["split"] = split
    for word in words:
        name, mark, value = word.partition("=")
        if not mark:
            raise ConfigError(f"--with {word}", "NAME=VALUE")
        arguments[name] = _value(value)
    unknown = [name for name in arguments if name not in known]
    if unknown:
        others = ", ".join(name for name in known if name != first)
        raise ConfigError(f"{kind} has no setting {unknown[0]!r}", f"one of {others or 'none'}")
    return reader(**arguments)


def _value(text: str) -> Any:
    """Return JSON as what it means, anything else as text."""
    try:
        return json.loads(text)
    except ValueError:
        return text
