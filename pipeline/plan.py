"""What a configuration asks for: the stages in order, what each waits for, its identity but for its inputs."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.atomic_files import read_json, sha256_of_file, write_json
from pipeline.config.graph import run_order
from pipeline.config.made_data import needed_artifacts
from pipeline.config.references import KeyPath, Reference, references
from pipeline.config.schema import AnyModelConfig, DataConfig, RunConfig, StageConfig
from pipeline.errors import ConfigError, ManifestError
from pipeline.fingerprint import semantic_tree
from pipeline.stage import Stage

SCHEMA = 1
# Stands in an identity where the digest of another stage's artifact goes.
ARTIFACT = "artifact"


@dataclass(frozen=True)
class PlannedStage:
    """One stage as the configuration asks for it.

    Args:
        name: its name in the configuration.
        kind: its kind.
        needs: references to other stages' artifacts.
        data: digest of each data set's listing, by name.
        identity: what the fingerprint will stand for; `{"artifact": reference}` where a digest is still to come.
        skipped: why it is not run; empty where it is.
        config: its settings without the entries that are not given; not stored.
    """

    name: str
    kind: str
    needs: tuple[str, ...] = ()
    data: Mapping[str, str] = field(default_factory=dict)
    identity: Mapping[str, Any] = field(default_factory=dict)
    skipped: str = ""
    config: StageConfig | None = None


def make_plan(
    config: RunConfig,
    stages: Mapping[str, Stage],
    *,
    data_digest: Callable[[DataConfig], str],
    until: str | None = None,
) -> tuple[PlannedStage, ...]:
    """Resolve a configuration.

    Args:
        config: the whole configuration.
        stages: the known kinds.
        data_digest: returns the digest of a data set's listing.
        until: plan only this stage and what it needs.
    """
    digests: dict[str, str] = {}

    def digest_of(name: str) -> str:
        if name not in digests:
            digests[name] = data_digest(config.data[name])
        return digests[name]

    planned: dict[str, PlannedStage] = {}
    for name in run_order(config.stages, until, data=config.data):
        settings, reason = _given_part(config.stages[name], config, planned)
        if reason:
            planned[name] = PlannedStage(name, config.stages[name].kind, skipped=reason)
            continue
        found = references(settings)
        planned[name] = PlannedStage(
            name,
            settings.kind,
            needs=needed_artifacts(settings, config.data),
            data={t: digest_of(t) for _, mark, t in found if mark.kind == "data" and config.data[t].made_by is None},
            identity=_identity(name, settings, config, version=stages[settings.kind].version, digest_of=digest_of),
            config=settings,
        )
    return tuple(planned.values())


def write_plan(path: Path, plan: tuple[PlannedStage, ...]) -> None:
    """Store a plan, so that the state of a run can be told without its settings' types."""
    stored = [
        {"name": p.name, "kind": p.kind, "needs": p.needs, "data": p.data, "identity": p.identity, "skipped": p.skipped}
        for p in plan
    ]
    write_json(path, {"schema": SCHEMA, "stages": stored})


def read_plan(path: Path) -> tuple[PlannedStage, ...]:
    """Read a stored plan.

    Raises:
        ManifestError: there is none, or it is not one of ours.
    """
    if not path.exists():
        raise ManifestError(f"{path.parent} is not a run", f"a folder with {path.name}", "Give the folder of a run")
    content = read_json(path)
    if content.get("schema") != SCHEMA:
        raise ManifestError(f"{path}: unknown schema {content.get('schema')}", f"schema {SCHEMA}", "Update the program")
    try:
        return tuple(PlannedStage(**{**entry, "needs": tuple(entry["needs"])}) for entry in content["stages"])
    except (KeyError, TypeError) as error:
        raise ManifestError(f"{path} is not a plan ({error})", "", "Run the same command again to write it") from error


def _given_part(
    settings: StageConfig, config: RunConfig, planned: Mapping[str, PlannedStage]
) -> tuple[StageConfig, str]:
    """Return the settings without entries whose data or stage is not given, and why the stage is skipped, if it is."""
    dropped: list[KeyPath] = []
    reasons: list[str] = []
    found = references(settings)
    for path, mark, name in found:
        reason = _absence(mark, name, config, planned)
        if reason and not mark.droppable:
            return settings, reason
        if reason:
            dropped.append(path)
            reasons.append(reason)
    for container in {path[:-1]: None for path in dropped}:
        if all(path in dropped for path, _, _ in found if path[:-1] == container):
            return settings, reasons[0]
    if not dropped:
        return settings, ""
    tree = settings.model_dump(mode="json", by_alias=True)
    for path in reversed(dropped):
        del _at(tree, path[:-1])[path[-1]]
    return type(settings).model_validate_json(json.dumps(tree), strict=True), ""


def _absence(mark: Reference, name: str, config: RunConfig, planned: Mapping[str, PlannedStage]) -> str:
    if mark.kind == "data" and not config.data[name].is_given:
        return f"data.{name} has no root; set data.{name}.root"
    needed = config.data[name].made_by if mark.kind == "data" else name
    if mark.kind in ("artifact", "data") and needed is not None:
        stage = needed.partition(".")[0]
        return f"{stage} is skipped ({planned[stage].skipped})" if planned[stage].skipped else ""
    return ""


def _identity(
    name: str, settings: StageConfig, config: RunConfig, *, version: int, digest_of: Callable[[str], str]
) -> dict[str, Any]:
    tree = semantic_tree(settings)
    for path, mark, text in references(settings):
        if mark.kind in ("model", "detector", "video"):
            content = {"name": text, **_model_tree(config.models[text], text)}
        elif mark.kind == "data":
            content = {"name": text, **_data_tree(config.data[text], text, digest_of)}
        else:
            content = {ARTIFACT: text}
        _at(tree, path[:-1])[path[-1]] = content
    return {
        "stage": name,
        "kind": settings.kind,
        "stage_version": version,
        "seed": config.seed,
        "runtime": semantic_tree(config.runtime),
        "config": tree,
    }


def _data_tree(data: DataConfig, name: str, digest_of: Callable[[str], str]) -> dict[str, Any]:
    """Return what a data set is; one that a stage makes is known by that artifact before it can be listed."""
    origin = {"listing": digest_of(name)} if data.made_by is None else {"from": {ARTIFACT: data.made_by}}
    return {**semantic_tree(data), **origin}


def _model_tree(model: AnyModelConfig, name: str) -> dict[str, Any]:
    tree = semantic_tree(model)
    if model.weights not in ("scratch", "pretrained"):
        path = Path(model.weights)
        if not path.is_file():
            raise ConfigError(
                f"models.{name}.weights: there is no file {model.weights}", "scratch, pretrained or a weights file"
            )
        tree["weights"] = sha256_of_file(path)
    return tree


def _at(tree: Any, path: KeyPath) -> Any:
    for key in path:
        tree = tree[key]
    return tree
