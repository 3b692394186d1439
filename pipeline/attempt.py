"""One try at a stage: opened or continued, then committed, or left with the reason why not."""

import logging
import shutil
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.atomic_files import TEMPORARY_PREFIX, read_json, write_atomic, write_json
from pipeline.config.schema import RunConfig
from pipeline.config.strict_yaml import write_yaml
from pipeline.errors import CheckpointError, ManifestError
from pipeline.fingerprint import fingerprint
from pipeline.inputs import collect_inputs, input_records, resolved_identity, verify_inputs
from pipeline.manifest import FAILURE, RESUME, ArtifactRef, StageManifest, hash_outputs, write_manifest
from pipeline.plan import PlannedStage
from pipeline.reproducibility import code_state, host_state
from pipeline.resume_choice import ResumeChoice, set_aside_after
from pipeline.run_dir import RunDir, StageDir
from pipeline.stage import StageResult

logger = logging.getLogger(__name__)

METRICS = "metrics.jsonl"
SUMMARY = "summary.json"


@dataclass(frozen=True)
class Attempt:
    """An open attempt.

    Args:
        path: its absolute folder.
        planned: the stage.
        identity: with the digests of all inputs.
        inputs: artifacts by reference.
        continued: an earlier process had begun it.
        started: seconds since the epoch.
    """

    path: Path
    planned: PlannedStage
    identity: Mapping[str, Any]
    inputs: Mapping[str, ArtifactRef]
    continued: bool
    started: float

    @property
    def fingerprint(self) -> str:
        """Return the hash of the identity."""
        return fingerprint(self.identity)


def open_attempt(
    planned: PlannedStage, run_dir: RunDir, config: RunConfig, *, restart: bool, choice: ResumeChoice | None
) -> Attempt:
    """Continue the newest unfinished attempt at the same thing, or begin a new one.

    Args:
        planned: the stage.
        run_dir: the run.
        config: the whole configuration; stored beside the outputs.
        restart: begin a new attempt in any case.
        choice: the resume point that the user asked for.

    Raises:
        ManifestError: an input is missing or altered.
        CheckpointError: the chosen resume point does not exist or belongs to other settings.
    """
    folder = run_dir.stage(planned.name)
    inputs = collect_inputs(planned, run_dir)
    identity, absent = resolved_identity(planned, run_dir)
    assert not absent, absent
    mark = fingerprint(identity)
    path = None if restart else _unfinished(folder, mark)
    if choice and choice.attempt:
        if choice.attempt not in folder.unfinished() or _fingerprint_of(choice.attempt) != mark:
            raise CheckpointError(f"{choice.attempt} is finished or was made with other settings", "", "Leave it alone")
        path = choice.attempt
    continued = path is not None
    path = path or folder.new_attempt()
    _sweep(folder.path)
    _sweep(path)
    started = time.time()
    if _fingerprint_of(path) != mark:
        content = {"schema": 1, "stage": planned.name, "fingerprint": mark, "identity": identity}
        write_json(path / "attempt.json", {**content, "started": _stamp(started)})
    write_atomic(path / "config.yaml", write_yaml(config.to_tree()))
    if choice:
        set_aside_after(path / RESUME, choice.step)
    return Attempt(path, planned, identity, inputs, continued, started)


def commit(attempt: Attempt, result: StageResult, run_dir: RunDir, *, provides: tuple[str, ...]) -> StageManifest:
    """Make a finished attempt the one that counts: outputs, summary, manifest, CURRENT, in this order.

    Args:
        attempt: the open attempt, all its files written.
        result: what the stage reports.
        run_dir: the run.
        provides: roles that the stage's record promises.

    Raises:
        ManifestError: an output is missing, an input or data set changed meanwhile.
    """
    planned = attempt.planned
    if sorted(result.outputs) != sorted(provides):
        raise ManifestError(f"stage {planned.name} left {sorted(result.outputs)}", f"exactly {sorted(provides)}")
    verify_inputs(attempt.inputs, "after the stage had run")
    _check_data(planned, result)
    write_json(attempt.path / SUMMARY, result.metrics)
    files = hash_outputs(attempt.path)
    for role, output in result.outputs.items():
        if output.path not in files:
            raise ManifestError(f"stage {planned.name}: output {role!r} is not there", f"file {output.path}")
    now = time.time()
    manifest = StageManifest(
        stage=planned.name,
        kind=planned.kind,
        fingerprint=attempt.fingerprint,
        identity=attempt.identity,
        inputs=input_records(attempt.inputs, run_dir),
        data={name: {"digest": planned.data.get(name), **entry} for name, entry in result.data.items()},
        outputs={
            role: {"path": output.path, "sha256": files[output.path], "meta": dict(output.meta)}
            for role, output in result.outputs.items()
        },
        files=files,
        metrics=result.metrics,
        run={
            **host_state(),
            "attempt": attempt.path.name,
            "continued": attempt.continued,
            "started": _stamp(attempt.started),
            "finished": _stamp(now),
            "seconds": round(now - attempt.started, 3),
        },
        code=code_state(),
    )
    write_manifest(attempt.path, manifest)
    make_current(attempt.path, run_dir.stage(planned.name))
    return manifest


def make_current(path: Path, folder: StageDir) -> None:
    """Point CURRENT at a committed attempt.

    Args:
        path: the attempt.
        folder: its stage's folder.
    """
    # What a finished attempt could be resumed from is of no use to anyone, and several times as large as its result.
    # Removed before CURRENT is written: nobody would look for it afterwards.
    shutil.rmtree(path / RESUME, ignore_errors=True)
    (path / FAILURE).unlink(missing_ok=True)
    folder.set_current(path)


def record_failure(attempt: Path, error: BaseException) -> None:
    """Leave the reason in the attempt; a disk that can't take it must not hide the reason itself."""
    try:
        text = "".join(traceback.format_exception(error))
        write_json(attempt / FAILURE, {"message": str(error), "traceback": text, "time": _stamp(time.time())})
    except OSError as second:
        logger.warning("failure.json could not be written: %s", second)


def _check_data(planned: PlannedStage, result: StageResult) -> None:
    for name, entry in result.data.items():
        expected = planned.data.get(name)
        if expected and entry.get("digest", expected) != expected:
            raise ManifestError(
                f"data.{name} changed between planning ({expected[:12]}) and reading ({str(entry['digest'])[:12]})",
                "",
                "Leave the data alone during a run and run the same command again",
            )


def _unfinished(folder: StageDir, mark: str) -> Path | None:
    for path in reversed(folder.unfinished()):
        # An empty folder is what a kill right after its creation leaves.
        if _fingerprint_of(path) == mark or not any(path.glob("[!.]*")):
            return path
    return None


def _fingerprint_of(attempt: Path) -> str:
    try:
        return str(read_json(attempt / "attempt.json").get("fingerprint"))
    except ManifestError:
        return ""


def _sweep(folder: Path) -> None:
    """Remove the temporary files of writers that were killed."""
    for leftover in folder.glob(f"{TEMPORARY_PREFIX}*"):
        if leftover.is_file():
            leftover.unlink()


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
