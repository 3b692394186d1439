"""Person crops as a command line names them: a kind, a folder or domain, and settings as NAME=VALUE."""

import inspect
import json
from collections.abc import Sequence
from typing import Any

from datasets.kinds import DATA_KINDS
from datasets.records import ReIDData, ReIDProbe
from pipeline.errors import ConfigError

PARTS = ("query", "gallery")


def read_crop_source(kind: str, source: str, *, split: str | None = None, words: Sequence[str] = ()) -> ReIDData:
    """Read the crops that a command line names.

    Args:
        kind: such as image_folder or market1501.
        source: the folder; the domain for world.
        split: of kinds that have splits; 'query' and 'gallery' are the two halves of 'query_gallery'.
        words: further settings of the kind, NAME=VALUE; a value is JSON where it can be read as such.

    Raises:
        ConfigError: an unknown kind, split or setting.
        DataError: the data cannot be read.
    """
    if kind not in DATA_KINDS:
        raise ConfigError(f"--from {kind}", f"one of {', '.join(DATA_KINDS)}")
    known = list(inspect.signature(DATA_KINDS[kind]).parameters)
    first = "root" if "root" in known else "domain"
    arguments: dict[str, Any] = {first: source}
    if split is not None:
        arguments["split"] = "query_gallery" if split in PARTS else split
    for word in words:
        name, mark, value = word.partition("=")
        if not mark:
            raise ConfigError(f"--with {word}", "NAME=VALUE")
        arguments[name] = _value(value)
    unknown = [name for name in arguments if name not in known]
    if unknown:
        others = ", ".join(name for name in known if name != first)
        raise ConfigError(f"{kind} has no setting {unknown[0]!r}", f"one of {others}")
    data = DATA_KINDS[kind](**arguments)
    if isinstance(data, ReIDProbe):
        if split not in PARTS:
            raise ConfigError(
                f"--split {split} of {kind} has a query and a gallery", "--split query or --split gallery"
            )
        return data.query if split == "query" else data.gallery
    if split in PARTS:
        raise ConfigError(f"{kind} at {source} has no {split}", "crops without --split, or another kind")
    return data


def _value(text: str) -> Any:
    """Return JSON as what it means, anything else as text."""
    try:
        return json.loads(text)
    except ValueError:
        return text
