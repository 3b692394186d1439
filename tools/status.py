"""Tell the state of a run: what is fresh, what would run again and why, and whether every file is intact."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pipeline.errors import ManifestError, PipelineError
from pipeline.manifest import read_manifest
from pipeline.plan import PlannedStage, read_plan
from pipeline.reproducibility import sources_digest
from pipeline.run_dir import RunDir
from pipeline.verdict import Verdict, assess_all


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="status.py", description=__doc__)
    parser.add_argument("run", metavar="RUN", type=Path, help="folder of a run")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    explain = commands.add_parser("explain", help="say what one stage was made of and why it would run again")
    explain.add_argument("stage", metavar="STAGE")
    commands.add_parser("verify", help="check every file of every committed attempt; exit code 1 if one is damaged")
    commands.add_parser("time", help="say where the time of every committed stage went, and its peak memory")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Print the state and return the exit code."""
    options = parse_arguments(arguments)
    run_dir = RunDir(options.run)
    try:
        plan = read_plan(run_dir.plan)
        verdicts = assess_all(plan, run_dir, sources=sources_digest())
        if options.command == "explain":
            return _explain(plan, options.stage, run_dir, verdicts)
        if options.command == "time":
            return _time(options.run)
        for name, verdict in verdicts.items():
            print(f"{name:<24} {verdict}")
        if options.command == "verify":
            return _verify(plan, run_dir)
    except PipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _explain(plan: tuple[PlannedStage, ...], name: str, run_dir: RunDir, verdicts: dict[str, Verdict]) -> int:
    from pipeline.config.problems import suggestion

    if name not in verdicts:
        raise PipelineError(f"there is no stage {name!r}", "", suggestion(name, verdicts))
    verdict = verdicts[name]
    print(f"{name}: {verdict.state}")
    for line in verdict.reasons:
        print(f"  {line}")
    if verdict.note:
        print(f"  note: {verdict.note}")
    if verdict.attempt is None or verdict.state in ("damaged", "unknown"):
        return 0
    manifest = read_manifest(verdict.attempt)
    print(f"  attempt      {verdict.attempt.name}, finished {manifest.run.get('finished')}")
    print(f"  fingerprint  {manifest.fingerprint}")
    for need, entry in manifest.inputs.items():
        print(f"  input        {need} {entry['sha256'][:12]} ({entry['attempt']})")
    for data_name, entry in manifest.data.items():
        print(f"  data         {data_name} {str(entry.get('digest'))[:12]}, labels read: {entry.get('labels_read')}")
    for role, entry in manifest.outputs.items():
        print(f"  output       {role} {entry['path']} {entry['sha256'][:12]}")
    return 0


def _time(folder: Path) -> int:
    from pipeline.benchmarking.cost_table import markdown_table
    from pipeline.report.run_files import read_run
    from pipeline.report.time_shares import time_shares, time_table

    found = {stage.name: time_shares(stage) for stage in read_run(folder).done()}
    told = {name: shares for name, shares in found.items() if shares is not None}
    if not told:
        raise PipelineError(f"no stage of {folder} has logged where its time went", "a run with a stage that trains")
    print(markdown_table(time_table(told)))
    return 0


def _verify(plan: tuple[PlannedStage, ...], run_dir: RunDir) -> int:
    from pipeline.manifest import removal_in_words, verify_files

    damaged = 0
    for planned in plan:
        for attempt in run_dir.stage(planned.name).committed():
            try:
                manifest = read_manifest(attempt)
                verify_files(attempt, manifest)
                removed = removal_in_words(attempt)
                there = f"{len(manifest.files)} files" + (f", {removed}" if removed else "")
                print(f"intact   {planned.name}/{attempt.name}: {there}")
            except ManifestError as error:
                damaged += 1
                print(f"damaged  {planned.name}/{attempt.name}: {error}")
    return 1 if damaged else 0


if __name__ == "__main__":
    sys.exit(main())
