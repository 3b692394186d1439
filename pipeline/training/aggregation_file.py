"""The artifact of a search: weights of a teacher's maps by stage, as JSON."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.atomic_files import read_json, write_json
from pipeline.errors import CheckpointError, ManifestError
from pipeline.losses.distillation.dfa import Weights

SCHEMA = 1


def save_aggregation(path: Path, weights: Weights, *, meta: Mapping[str, Any]) -> None:
    """Write the weights.

    Args:
        path: file to write.
        weights: weight of each map by its name, by stage.
        meta: facts to keep beside them.
    """
    groups = [
        {"stage": stage, "maps": list(found), "weights": list(found.values())} for stage, found in weights.items()
    ]
    write_json(path, {"schema": SCHEMA, "groups": groups, "meta": dict(meta)})


def load_aggregation(path: Path) -> dict[str, dict[str, float]]:
    """Read a file that `save_aggregation` wrote.

    Args:
        path: the file.

    Returns:
        Weight of each map by its name, by stage, in the order in which they were written.

    Raises:
        CheckpointError: it is something else, or damaged.
    """
    try:
        content = read_json(path)
        if content["schema"] != SCHEMA:
            raise CheckpointError(f"{path} has schema {content['schema']}", str(SCHEMA), "Update the program.")
        return {
            str(group["stage"]): {
                str(name): float(weight) for name, weight in zip(group["maps"], group["weights"], strict=True)
            }
            for group in content["groups"]
        }
    except (ManifestError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{path} holds no weights of a teacher's maps ({error})", "the file of a dfa_search",
            "Name the artifact `aggregation` of a dfa_search, or run that stage again.",
        ) from error  # fmt: skip
