"""Whether what a stage left still is what the plan asks for, and the reason in a sentence."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline.errors import ManifestError
from pipeline.fingerprint import differences, fingerprint
from pipeline.inputs import resolved_identity
from pipeline.manifest import (
    FAILURE,
    RESUME,
    StageManifest,
    UnknownSchemaError,
    read_manifest,
    removal_in_words,
    verify_files,
)
from pipeline.plan import PlannedStage
from pipeline.resume import point_folders
from pipeline.run_dir import RunDir, StageDir

State = Literal["fresh", "stale", "missing", "damaged", "unknown", "skipped", "waits"]


@dataclass(frozen=True)
class Verdict:
    """The state of one stage.

    Args:
        state: `fresh` needs nothing; `unknown` was written by a newer program; `waits` for another stage.
        reasons: why, in words; empty where it is fresh.
        attempt: the committed attempt, where it can be told.
        note: what a reader should know although it changes nothing.
    """

    state: State
    reasons: tuple[str, ...] = ()
    attempt: Path | None = None
    note: str = ""

    def __str__(self) -> str:
        """Return the verdict as one line."""
        text = f"{self.state}: {', '.join(self.reasons)}" if self.reasons else self.state
        return f"{text} ({self.note})" if self.note else text


def assess(planned: PlannedStage, run_dir: RunDir, *, sources: str = "", strict_code: bool = False) -> Verdict:
    """Judge one stage by its files alone.

    Args:
        planned: what is asked for.
        run_dir: the run.
        sources: digest of today's sources; empty leaves the code out of it.
        strict_code: other sources make it stale.
    """
    if planned.skipped:
        return Verdict("skipped", (planned.skipped,))
    folder = run_dir.stage(planned.name)
    attempt = None
    try:
        attempt = folder.current()
        if attempt is None:
            return Verdict("missing", (_progress(folder),))
        return judge_attempt(planned, attempt, run_dir, sources=sources, strict_code=strict_code)
    except UnknownSchemaError as error:
        return Verdict("unknown", (str(error),), attempt)
    except ManifestError as error:
        return Verdict("damaged", (str(error),), attempt)


def assess_all(plan: Sequence[PlannedStage], run_dir: RunDir, *, sources: str = "") -> dict[str, Verdict]:
    """Judge all stages of a plan; what depends on a stage that has to run again waits for it.

    Args:
        plan: the stages, each after what it needs.
        run_dir: the run.
        sources: as in `assess`.
    """
    verdicts: dict[str, Verdict] = {}
    for planned in plan:
        verdict = assess(planned, run_dir, sources=sources)
        upstream = dict.fromkeys(need.partition(".")[0] for need in planned.needs)
        late = [name for name in upstream if verdicts[name].state != "fresh"]
        if late and verdict.state in ("fresh", "stale", "missing"):
            verdict = Verdict("waits", (f"for {', '.join(late)}",), verdict.attempt)
        verdicts[planned.name] = verdict
    return verdicts


def judge_attempt(
    planned: PlannedStage, attempt: Path, run_dir: RunDir, *, sources: str = "", strict_code: bool = False
) -> Verdict:
    """Judge one committed attempt.

    Args:
        planned: what is asked for.
        attempt: the folder of the attempt.
        run_dir: the run, for the inputs.
        sources: as in `assess`.
        strict_code: as in `assess`.

    Raises:
        ManifestError: the manifest or a file is not what was committed.
    """
    manifest = read_manifest(attempt)
    _check_belongs(manifest, planned)
    verify_files(attempt, manifest)
    identity, absent = resolved_identity(planned, run_dir)
    if absent:
        return Verdict("stale", (absent,), attempt)
    if fingerprint(identity) != manifest.fingerprint:
        return Verdict("stale", tuple(differences(manifest.identity, identity)), attempt)
    written, removed = manifest.code.get("sources"), removal_in_words(attempt)
    if sources and written != sources:
        drift = f"made by other sources, commit {manifest.code.get('commit') or 'unknown'}"
        if strict_code:
            return Verdict("stale", (drift,), attempt)
        return Verdict("fresh", (), attempt, f"{removed}; {drift}" if removed else drift)
    return Verdict("fresh", (), attempt, removed)


def _check_belongs(manifest: StageManifest, planned: PlannedStage) -> None:
    if manifest.stage != planned.name:
        raise ManifestError(f"the manifest is that of stage {manifest.stage!r}", repr(planned.name))
    if fingerprint(manifest.identity) != manifest.fingerprint:
        raise ManifestError("file manifest.json: the fingerprint is not that of the identity")


def _progress(folder: StageDir) -> str:
    unfinished = folder.unfinished()
    if not unfinished:
        return "nothing has been committed yet"
    attempt = unfinished[-1]
    points = point_folders(attempt / RESUME)
    how_far = f"resume point at step {points[-1][0]}" if points else "no resume point yet"
    failed = ", it failed: see failure.json" if (attempt / FAILURE).exists() else ""
    return f"attempt {attempt.name} is unfinished, {how_far}{failed}"
