"""What a finished run offers to further cameras: its adapting stages, their settings, and the files they began with."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.config.load import check_config
from pipeline.config.references import references
from pipeline.config.schema import RunConfig, StageConfig
from pipeline.config.sources import read_source
from pipeline.errors import ManifestError
from pipeline.manifest import ArtifactRef, read_manifest
from pipeline.run_dir import RunDir
from pipeline.stage import Stage

DETECTOR, REID = "detector_kd", "progressive_kd"
_HALVES = {DETECTOR: "detector", REID: "re-ID"}
Tree = dict[str, Any]


@dataclass(frozen=True)
class ModelsRun:
    """A run that models are taken from.

    Args:
        folder: the run.
        tree: its configuration as plain values.
        config: the same, typed.
    """

    folder: RunDir
    tree: Tree
    config: RunConfig

    def adapting_stage(self, kind: str) -> str:
        """Return the name of the last stage that adapts models of one half to unlabelled cameras.

        Args:
            kind: of the stage.

        Raises:
            ManifestError: there is none.
        """
        found = [name for name, stage in self.config.stages.items() if stage.kind == kind and self.target_of(name)]
        if not found:
            raise ManifestError(
                f"run {self.folder.path} has no {_HALVES[kind]} half", f"a stage of kind {kind} with a target",
                "Take a run that has both halves, such as that of configs/quickstart.yaml.",
            )  # fmt: skip
        return found[-1]

    def target_of(self, name: str) -> str | None:
        """Return the unlabelled data that a stage adapts to, where it does."""
        return getattr(self.config.stages[name], "target", None)

    def settings(self, name: str) -> Tree:
        """Return the settings of a stage as plain values."""
        settings: Tree = self.tree["stages"][name]
        return settings

    def ceiling(self, kind: str, model: str) -> str | None:
        """Return the name of the stage that trains a model with target labels, or None.

        Args:
            kind: source_pretrain or detector_pretrain.
            model: name of the model.
        """
        found = [
            name for name, stage in self.config.stages.items()
            if stage.kind == kind and getattr(stage, "is_ceiling", False) and getattr(stage, "train", None) == model
        ]  # fmt: skip
        return found[-1] if found else None

    def artifact(self, reference: str) -> ArtifactRef:
        """Return what a finished stage left.

        Args:
            reference: `stage.role`.

        Raises:
            ManifestError: the stage is not finished, or left no such thing.
        """
        stage, _, role = reference.partition(".")
        attempt = self.folder.stage(stage).current()
        if attempt is None:
            raise ManifestError(
                f"stage {stage} of {self.folder.path} is not finished", "a finished run", "Run it to its end first."
            )
        return read_manifest(attempt).artifact(role, attempt)

    def artifacts_of(self, name: str) -> list[str]:
        """Return the references to other stages' artifacts in a stage's settings."""
        found = references(self.config.stages[name])
        return list(dict.fromkeys(text for _, mark, text in found if mark.kind == "artifact"))

    def models_of(self, name: str) -> list[str]:
        """Return the names of the models that a stage's settings name."""
        found = references(self.config.stages[name])
        return [text for _, mark, text in found if mark.kind in ("model", "detector")]

    def data_of(self, name: str) -> list[str]:
        """Return the names of the data sets that a stage's settings name."""
        found = references(self.config.stages[name])
        return list(dict.fromkeys(text for _, mark, text in found if mark.kind == "data"))

    def stage(self, name: str) -> StageConfig:
        """Return the typed settings of a stage."""
        return self.config.stages[name]


def read_models_run(folder: Path, stages: Mapping[str, Stage]) -> ModelsRun:
    """Read the configuration that a run keeps beside its stages.

    Args:
        folder: the run.
        stages: the known kinds.

    Raises:
        ManifestError: the folder is no run.
        ConfigError: its configuration does not fit this version.
    """
    run = RunDir(folder)
    if not run.config.is_file():
        raise ManifestError(f"{folder} is not a run", f"a folder with {run.config.name}", "Give the folder of a run")
    source = read_source(run.config, [])
    return ModelsRun(run, source.tree, check_config(source, stages, {}))
