"""Runs a configuration: stages in order, what is fresh skipped, what was begun continued, what is done committed."""

import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.atomic_files import write_atomic
from pipeline.attempt import METRICS, Attempt, commit, make_current, open_attempt, record_failure
from pipeline.config.made_data import with_roots
from pipeline.config.problems import suggestion
from pipeline.config.schema import DataConfig, RunConfig
from pipeline.config.strict_yaml import write_yaml
from pipeline.coordination import Coordinator
from pipeline.errors import ConfigError, ManifestError
from pipeline.interruption import RunInterrupted, disk_full_in_words, terminate_like_interrupt
from pipeline.locks import stage_lock
from pipeline.manifest import FAILURE, RESUME
from pipeline.metrics_log import MetricsLog
from pipeline.plan import PlannedStage, make_plan, write_plan
from pipeline.reproducibility import derive_seed, sources_digest
from pipeline.resume import ResumeStore, point_folders
from pipeline.resume_choice import ResumeChoice, parse_choice
from pipeline.run_dir import RunDir
from pipeline.stage import Stage, StageContext, StageResult
from pipeline.verdict import Verdict, assess, assess_all, judge_attempt

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunOptions:
    """What the user asked for beside the configuration.

    Args:
        until: run only this stage and what it needs.
        restart: stages that begin anew although they are fresh or half done.
        resume_from: a resume point's folder, or its step in the first stage that runs.
        strict_code: results of other sources are stale.
    """

    until: str | None = None
    restart: tuple[str, ...] = ()
    resume_from: str | None = None
    strict_code: bool = False


def run(
    config: RunConfig,
    stages: Mapping[str, Stage],
    *,
    run_dir: Path,
    data_digest: Callable[[DataConfig], str],
    options: RunOptions | None = None,
    coordinator: Coordinator | None = None,
) -> dict[str, Verdict]:
    """Bring every stage of a run up to date.

    Args:
        config: the whole configuration.
        stages: the known kinds of stages.
        run_dir: the run's folder.
        data_digest: returns the digest of a data set's listing.
        options: what the user asked for beside it.
        coordinator: this process' place among the ranks.

    Returns:
        Why each stage was run or not, by name, as it was judged before.

    Raises:
        RunInterrupted: the run was asked to stop; it can be resumed.
        PipelineError: a stage could not be run; what was committed before stays.
    """
    options = options or RunOptions()
    folder = RunDir(run_dir)
    runner = _Runner(config, stages, folder, options, coordinator or Coordinator())
    with terminate_like_interrupt(), disk_full_in_words(folder.path):
        try:
            plan = runner.coordinator.decide(lambda: runner.prepare(data_digest))
            return runner.run_all(plan)
        except KeyboardInterrupt as error:
            raise RunInterrupted("interrupted between stages", "", "Run the same command to resume") from error


def preview(
    config: RunConfig,
    stages: Mapping[str, Stage],
    *,
    run_dir: Path,
    data_digest: Callable[[DataConfig], str],
    options: RunOptions | None = None,
) -> dict[str, Verdict]:
    """Judge every stage as `run` would find it, writing nothing.

    Args:
        config: the whole configuration.
        stages: the known kinds of stages.
        run_dir: the run's folder; it need not exist.
        data_digest: returns the digest of a data set's listing.
        options: what the user asked for beside it.
    """
    runner = _Runner(config, stages, RunDir(run_dir), options or RunOptions(), Coordinator())
    return assess_all(runner.plan(data_digest), runner.run_dir, sources=sources_digest())


@dataclass(frozen=True)
class _Runner:
    config: RunConfig
    stages: Mapping[str, Stage]
    run_dir: RunDir
    options: RunOptions
    coordinator: Coordinator

    def plan(self, data_digest: Callable[[DataConfig], str]) -> tuple[PlannedStage, ...]:
        """Return the stages asked for."""
        asked = [("--until", self.options.until), *(("--restart", name) for name in self.options.restart)]
        for option, name in asked:
            if name is not None and name not in self.config.stages:
                raise ConfigError(f"{option}: there is no stage {name!r}", "", suggestion(name, self.config.stages))
        return make_plan(self.config, self.stages, data_digest=data_digest, until=self.options.until)

    def prepare(self, data_digest: Callable[[DataConfig], str]) -> tuple[PlannedStage, ...]:
        """Write down what is going to be done."""
        plan = self.plan(data_digest)
        self.run_dir.path.mkdir(parents=True, exist_ok=True)
        write_atomic(self.run_dir.config, write_yaml(self.config.to_tree()))
        write_plan(self.run_dir.plan, plan)
        return plan

    def run_all(self, plan: tuple[PlannedStage, ...]) -> dict[str, Verdict]:
        """Run what is not fresh."""
        choice = parse_choice(self.options.resume_from, self.run_dir.path)
        verdicts = {}
        for planned in plan:
            verdict = self._decide_verdict(planned)
            verdicts[planned.name] = verdict
            logger.info("%s: %s", planned.name, verdict)
            if verdict.state in ("fresh", "skipped"):
                continue
            is_meant = choice is not None and choice.stage in (None, planned.name)
            self._make(planned, choice if is_meant else None)
            choice = None if is_meant else choice
        if choice is not None:
            logger.warning("--resume-from %s had no effect: its stage did not have to run", self.options.resume_from)
        return verdicts

    def _decide_verdict(self, planned: PlannedStage) -> Verdict:
        return self.coordinator.decide(lambda: self._judge(planned))

    def _judge(self, planned: PlannedStage) -> Verdict:
        is_strict = self.options.strict_code
        verdict = assess(planned, self.run_dir, sources=sources_digest(), strict_code=is_strict)
        if verdict.state == "skipped":
            return verdict
        if planned.name in self.options.restart:
            return Verdict("stale", ("--restart asks for it",), verdict.attempt)
        if verdict.state == "unknown":
            raise ManifestError(f"stage {planned.name}: {verdict.reasons[0]}, use another --run-dir, or --restart it")
        return verdict

    def _make(self, planned: PlannedStage, choice: ResumeChoice | None) -> None:
        """Make a stage's outputs under its lock, unless somebody else has made them since it was judged."""
        with contextlib.ExitStack() as held:
            folder = self.run_dir.stage(planned.name)
            self.coordinator.decide(lambda: held.enter_context(stage_lock(folder)))
            if self._decide_verdict(planned).state == "fresh" or self.coordinator.decide(lambda: self._adopt(planned)):
                return
            restart = planned.name in self.options.restart
            attempt = self.coordinator.decide(
                lambda: open_attempt(planned, self.run_dir, self.config, restart=restart, choice=choice)
            )
            self._run_attempt(attempt)

    def _adopt(self, planned: PlannedStage) -> bool:
        """Make an older attempt at the very same thing the current one: a kill before CURRENT, a setting put back."""
        if planned.name in self.options.restart:
            return False
        folder = self.run_dir.stage(planned.name)
        for attempt in reversed(folder.committed()):
            with contextlib.suppress(ManifestError):
                verdict = judge_attempt(
                    planned, attempt, self.run_dir, sources=sources_digest(), strict_code=self.options.strict_code
                )
                if verdict.state == "fresh":
                    make_current(attempt, folder)
                    logger.info("%s: attempt %s was made with the same settings and inputs", planned.name, attempt.name)
                    return True
        return False

    def _run_attempt(self, attempt: Attempt) -> None:
        name = attempt.planned.name
        stage = self.stages[attempt.planned.kind]
        logger.info("%s: %s attempt %s", name, "continuing" if attempt.continued else "beginning", attempt.path.name)
        try:
            with disk_full_in_words(attempt.path):
                result = stage.run(self._context(attempt))
                self.coordinator.decide(lambda: self._commit(attempt, result, stage))
        except KeyboardInterrupt as error:
            points = point_folders(attempt.path / RESUME)
            where = f"after step {points[-1][0]}" if points else "near its beginning"
            message = f"interrupted in stage {name}, {where}"
            raise RunInterrupted(message, "", "Run the same command to resume") from error
        except Exception as error:
            if self.coordinator.is_main:
                record_failure(attempt.path, error)
                logger.error("%s failed; the details are in %s", name, attempt.path / FAILURE)
            raise

    def _commit(self, attempt: Attempt, result: StageResult, stage: Stage) -> None:
        settings = attempt.planned.config
        withheld = settings.withheld_roles if settings is not None else ()
        provides = tuple(role for role in stage.provides if role not in withheld)
        manifest = commit(attempt, result, self.run_dir, provides=provides)
        logger.info("%s: committed %s after %.1f s", manifest.stage, attempt.path.name, manifest.run["seconds"])

    def _context(self, attempt: Attempt) -> StageContext:
        planned = attempt.planned
        metrics = MetricsLog(attempt.path / METRICS if self.coordinator.is_main else None)
        if self.coordinator.is_main and not point_folders(attempt.path / RESUME):
            metrics.cut(0)
        resume = ResumeStore(
            attempt.path / RESUME,
            attempt.fingerprint,
            stage=planned.name,
            metrics=metrics,
            coordinator=self.coordinator,
        )
        return StageContext(
            name=planned.name,
            config=planned.config,
            run_config=with_roots(self.config, {name: ref.path for name, ref in attempt.inputs.items()}),
            seed=derive_seed(self.config.seed, planned.name),
            inputs=attempt.inputs,
            attempt=attempt.path,
            resume=resume,
            metrics=metrics,
        )
