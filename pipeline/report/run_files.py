"""Reads a run folder: its configuration, and its stages in the order in which they feed each other."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import ManifestError
from pipeline.plan import PlannedStage, read_plan
from pipeline.report.stage_files import StageFiles, read_stage, sources
from pipeline.run_dir import CURRENT, RunDir


@dataclass(frozen=True)
class RunFiles:
    """A run folder as it lies on the disk.

    Args:
        folder: the run folder.
        config: the resolved configuration as plain values; empty where it cannot be read.
        stages: committed and missing stages, each after the stages that it reads.
        leftovers: names of committed stages that the configuration no longer has; they are left out.
    """

    folder: Path
    config: Mapping[str, Any]
    stages: tuple[StageFiles, ...]
    leftovers: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return the run's name, the folder's where the configuration has none."""
        return str(self.config.get("name") or self.folder.resolve().name)

    def done(self) -> Iterator[StageFiles]:
        """Yield the committed stages."""
        return (stage for stage in self.stages if stage.folder is not None)


def read_run(folder: Path) -> RunFiles:
    """Read configuration, manifests, summaries and logs of a run folder.

    Args:
        folder: the run folder.

    Returns:
        the run; stages that the configuration names but nobody has run are there without a folder.

    Raises:
        ManifestError: the folder is not a run folder.
    """
    if not folder.is_dir():
        raise ManifestError(f"no folder '{folder}'", "the folder of a run", "Give the path that the run printed.")
    run_dir = RunDir(folder)
    config = _read_config(run_dir.config)
    wanted = config.get("stages")
    nodes: Mapping[str, Any] = wanted if isinstance(wanted, Mapping) else {}
    found = sorted(path.parent.name for path in folder.glob(f"*/{CURRENT}"))
    if not found and not nodes:
        raise ManifestError(
            f"'{folder}' holds neither config.yaml nor a committed stage",
            "the folder of a run",
            "Run a configuration first, then give its output folder.",
        )
    plan = _read_plan(run_dir)
    # What lies there under a name that the configuration no longer has belongs to an earlier question.
    names = [str(name) for name in nodes] or found
    stages = [read_stage(run_dir, name, node=nodes.get(name), planned=plan.get(name)) for name in names]
    return RunFiles(folder, config, tuple(_in_order(stages)), tuple(name for name in found if name not in names))


def _read_config(path: Path) -> dict[str, Any]:
    try:
        value = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return value if isinstance(value, dict) else {}


def _read_plan(run_dir: RunDir) -> dict[str, PlannedStage]:
    try:
        return {planned.name: planned for planned in read_plan(run_dir.plan)}
    except ManifestError:
        return {}


def _in_order(stages: Sequence[StageFiles]) -> list[StageFiles]:
    """Sort so that every stage comes after the stages that it reads, otherwise keeping the given order."""
    ordered: list[StageFiles] = []
    waiting = list(stages)
    while waiting:
        names = {stage.name for stage in waiting}
        ready = [s for s in waiting if not (sources(s) & (names - {s.name}))] or waiting[:1]
        ordered.append(ready[0])
        waiting.remove(ready[0])
    return ordered
