"""Reads what one case of a comparison has left: the score of each method, and what its training cost."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline.errors import ManifestError
from pipeline.plan import read_plan
from pipeline.report.collect import collect_run
from pipeline.report.roles import is_number
from pipeline.report.run_files import read_run
from pipeline.report.stage_files import OUT_OF_DATE, StageFiles
from pipeline.run_dir import RunDir


@dataclass(frozen=True)
class Training:
    """What one stage cost.

    Args:
        steps: of the whole stage; 0 where it has no steps.
        seconds_per_step: median over the rows of its log; None where they hold no seconds.
        seconds: of all steps at that pace; of the whole stage where the pace is not known.
        peak_megabytes: most memory of the process; None where another stage ran in it before.
        code: digest of the sources that made it.
    """

    steps: int
    seconds_per_step: float | None
    seconds: float
    peak_megabytes: float | None
    code: str


@dataclass(frozen=True)
class CaseResult:
    """One case as it lies on the disk.

    Args:
        name: of the case.
        scores: rows of results.json on the target by role; empty where it is not scored.
        training: cost by stage, of all that are done.
    """

    name: str
    scores: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    training: Mapping[str, Training] = field(default_factory=dict)


def read_case(folder: Path, name: str) -> CaseResult:
    """Read a case, however far it has come.

    Args:
        folder: the run folder.
        name: of the case.
    """
    try:
        run = read_run(folder)
        planned = {stage.name for stage in read_plan(RunDir(folder).plan)}
    except ManifestError:
        return CaseResult(name)
    done = [stage for stage in run.done() if stage.name in planned and not any(map(_is_stale, stage.notes))]
    scores = {row["role"]: row for row in collect_run(replace(run, stages=tuple(done)))["reid"]
              if row["domain"] == "target"}  # fmt: skip
    return CaseResult(name, scores, {stage.name: read_training(stage, done) for stage in done})


def _is_stale(note: str) -> bool:
    return note.startswith(OUT_OF_DATE)


def read_training(stage: StageFiles, stages: list[StageFiles]) -> Training:
    """Return what a stage cost.

    Args:
        stage: a committed one.
        stages: all of the run, which tell who shared a process with it.
    """
    rows = stage.rows("step")
    starts = [0, *(int(row["step"]) for row in rows)]
    paces = [row["seconds"]["total"] / (row["step"] - start) for row, start in zip(rows, starts, strict=False)
             if isinstance(row.get("seconds"), Mapping) and row["step"] > start]  # fmt: skip
    pace = statistics.median(paces) if paces else None
    run = stage.section("run")
    # A process keeps the peak of the largest stage that it has run.
    before = [other for other in stages if other.section("run").get("pid") == run.get("pid")
              and str(other.section("run").get("started")) < str(run.get("started"))]  # fmt: skip
    peaks = [value for row in rows for value in row.get("peak_megabytes", {}).values() if is_number(value)]
    steps = starts[-1]
    return Training(
        steps, pace, float(run.get("seconds", 0.0)) if pace is None else pace * steps,
        max(peaks) if peaks and not before else None, str(stage.section("code").get("sources", "")),
    )  # fmt: skip
