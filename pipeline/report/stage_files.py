"""Reads what one stage has left, without judging it: a damaged or missing piece becomes a note, never a crash."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.atomic_files import read_json
from pipeline.errors import ManifestError
from pipeline.fingerprint import differences
from pipeline.inputs import resolved_identity
from pipeline.manifest import MANIFEST
from pipeline.plan import PlannedStage
from pipeline.run_dir import RunDir, StageDir

# How the note begins that a stage's results are not those of the run's present settings.
OUT_OF_DATE = "Out of date"


@dataclass(frozen=True)
class StageFiles:
    """What one stage left in its committed attempt.

    Args:
        name: the stage's name in the run's configuration.
        folder: the committed attempt, or None where the stage has none.
        manifest: the parsed manifest; empty where there is none.
        summary: the parsed summary; empty where there is none.
        events: the rows of metrics.jsonl in their order.
        notes: what could not be read or went wrong, one sentence each.
    """

    name: str
    folder: Path | None = None
    manifest: Mapping[str, Any] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)
    events: Sequence[Mapping[str, Any]] = ()
    notes: Sequence[str] = ()

    @property
    def kind(self) -> str:
        """Return the stage's kind, 'unknown' where no manifest tells it."""
        return str(self.manifest.get("kind", "unknown"))

    def section(self, name: str) -> dict[str, Any]:
        """Return one mapping of the manifest (inputs, data, outputs, run), empty where it is absent.

        Args:
            name: the section's key.
        """
        value = self.manifest.get(name)
        return dict(value) if isinstance(value, Mapping) else {}

    def rows(self, event: str) -> list[Mapping[str, Any]]:
        """Return the logged rows of one event.

        Args:
            event: the event's name: step, round, collapse, rollback.
        """
        return [row for row in self.events if row.get("event") == event]


def sources(stage: StageFiles) -> frozenset[str]:
    """Return the names of the stages whose artifacts a stage has read.

    Args:
        stage: the reading stage.
    """
    return frozenset(str(reference).partition(".")[0] for reference in stage.section("inputs"))


def read_stage(run_dir: RunDir, name: str, *, node: object, planned: PlannedStage | None) -> StageFiles:
    """Read what one stage has left.

    Args:
        run_dir: the run.
        name: the stage.
        node: its entry in the run's configuration, for the kind of a stage that has not been run.
        planned: the stage as the run's last plan has it.

    Returns:
        the stage; without a folder where nothing was committed or the plan skips it.
    """
    kind = {"kind": node["kind"]} if isinstance(node, Mapping) and "kind" in node else {}
    if planned and planned.skipped:
        return StageFiles(name, manifest=kind, notes=[f"The stage is skipped: {planned.skipped}."])
    place = run_dir.stage(name)
    notes = _failures(place)
    try:
        attempt = place.current()
    except ManifestError as error:
        return StageFiles(name, manifest=kind, notes=[*notes, f"{error}."])
    if attempt is None:
        return StageFiles(name, manifest=kind, notes=[*notes, "The stage has not been run."])
    manifest = _read_json(attempt / MANIFEST, notes)
    if not manifest:
        return StageFiles(name, manifest=kind, notes=notes)
    if planned:
        notes += _staleness(planned, manifest, run_dir)
    summary = _read_json(attempt / "summary.json", notes) if (attempt / "summary.json").exists() else {}
    events = read_events(attempt / "metrics.jsonl", notes)
    return StageFiles(name, attempt, manifest, summary, events, notes)


def _staleness(planned: PlannedStage, manifest: Mapping[str, Any], run_dir: RunDir) -> list[str]:
    """Return a sentence when the results are not those of the run's present settings and inputs."""
    made_from = manifest.get("identity")
    wanted, absent = resolved_identity(planned, run_dir)
    if absent or not isinstance(made_from, Mapping):
        return []
    changes = differences(made_from, wanted)
    more = f" and {len(changes) - 2} more" if len(changes) > 2 else ""
    return [f"{OUT_OF_DATE} ({', '.join(changes[:2])}{more}); run the configuration again."] if changes else []


def _failures(place: StageDir) -> list[str]:
    """Return a sentence when the newest attempt is a failed one."""
    newest = place.attempts()[-1:]
    if not newest or not (newest[0] / "failure.json").exists():
        return []
    failure = _read_json(newest[0] / "failure.json", [])
    reason = failure.get("message") or failure.get("error") or "no reason was recorded"
    return [f"The newest attempt {newest[0].name} failed: {reason}"]


def _read_json(path: Path, notes: list[str]) -> dict[str, Any]:
    """Parse one JSON object; add a note and return an empty one where that fails."""
    try:
        return read_json(path)
    except ManifestError as error:
        notes.append(f"{error}.")
        return {}


def read_events(path: Path, notes: list[str]) -> list[Mapping[str, Any]]:
    """Read a JSON-lines log; lines that are not an object (a write that was cut off) are counted in a note.

    Args:
        path: the log; a missing file is an empty log.
        notes: receives a sentence when lines were left out.

    Returns:
        the objects in their order.
    """
    rows: list[Mapping[str, Any]] = []
    bad = 0
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    for line in filter(str.strip, lines):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if isinstance(row, dict):
            rows.append(row)
        else:
            bad += 1
    if bad:
        notes.append(f"{bad} line(s) of {path.name} could not be read and are left out.")
    return rows
