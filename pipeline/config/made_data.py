"""Data that a stage of the same run makes: `from: people.tracklets` in the place of a root."""

from collections.abc import Mapping
from pathlib import Path

from pipeline.config.references import references
from pipeline.config.schema import DataConfig, RunConfig, StageConfig


def needed_artifacts(settings: StageConfig, data: Mapping[str, DataConfig]) -> tuple[str, ...]:
    """Return the artifacts that a stage reads, those that its data is made of among them, each once.

    Args:
        settings: of the stage.
        data: the data section; names that are not in it are passed over.
    """
    needed: list[str] = []
    for _, mark, name in references(settings):
        made_by = data[name].made_by if mark.kind == "data" and name in data else None
        if mark.kind == "artifact" or made_by is not None:
            needed.append(name if made_by is None else made_by)
    return tuple(dict.fromkeys(needed))


def with_roots(config: RunConfig, artifacts: Mapping[str, Path]) -> RunConfig:
    """Return the configuration with the root of each data set that has been made.

    Args:
        config: the whole configuration.
        artifacts: the file of each artifact at hand, by reference; its folder is the root.
    """
    made = {
        name: entry.model_copy(update={"root": str(artifacts[entry.made_by].parent)})
        for name, entry in config.data.items()
        if entry.made_by is not None and entry.made_by in artifacts
    }
    return config.model_copy(update={"data": {**config.data, **made}}) if made else config
