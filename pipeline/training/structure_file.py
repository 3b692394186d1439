"""The artifact of a search for a structure: of which network it is, and the arguments that make its trunk so."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator

from pipeline.atomic_files import read_json, write_json
from pipeline.config.references import ArtifactRefName, SilentDefault
from pipeline.errors import CheckpointError, ConfigError, ManifestError

SCHEMA = 1
# Role of the artifact.
STRUCTURE = "structure"


def _is_structure(reference: str | None) -> str | None:
    if reference is not None and reference.rpartition(".")[2] != STRUCTURE:
        raise ValueError(f"name the role {STRUCTURE} of a search_student")
    return reference


# In the settings of a stage that trains: the structure that its model gets in place of its own.
StructureRef = Annotated[ArtifactRefName | None, SilentDefault(None), AfterValidator(_is_structure)]


def save_structure(path: Path, args: Mapping[str, Any], *, base: Mapping[str, Any], meta: Mapping[str, Any]) -> None:
    """Write a structure.

    Args:
        path: file to write.
        args: of the trunk, plain values; they take the place of those of the base.
        base: arguments of `build.reid_model` of the network whose stages were varied.
        meta: facts to keep beside them.
    """
    write_json(path, {"schema": SCHEMA, "base": dict(base), "args": dict(args), "meta": dict(meta)})


def with_structure(spec: Mapping[str, Any], path: Path, *, wanted: str) -> dict[str, Any]:
    """Return the arguments of a network with the structure that a file holds.

    Args:
        spec: arguments of `build.reid_model`.
        path: file that `save_structure` wrote.
        wanted: name of the network in the configuration, for the message.

    Raises:
        CheckpointError: the file is something else, or damaged.
        ConfigError: the structure is one of another network.
    """
    try:
        content = read_json(path)
        if content["schema"] != SCHEMA:
            raise CheckpointError(f"{path} has schema {content['schema']}", str(SCHEMA), "Update the program.")
        base, args = dict(content["base"]), dict(content["args"])
    except (ManifestError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{path} holds no structure of a network ({error})", "the file of a search_student",
            "Name the artifact `structure` of a search_student, or run that stage again.",
        ) from error  # fmt: skip
    differing = [name for name in spec if base.get(name) != spec[name]]
    if differing:
        raise ConfigError(
            f"the structure was searched for a network with {differing[0]} {base.get(differing[0])}, and {wanted} has "
            f"{spec[differing[0]]}", "the network of the search", "Name the same model as train in both stages.",
        )  # fmt: skip
    return {**spec, "args": args}
