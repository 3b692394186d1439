"""Compare methods on one task: the same data, student and budget, over domain pairs and seeds, best first."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pipeline.comparison.cases import Case, add_case_arguments, cases_of, run_cases

if TYPE_CHECKING:
    from pipeline.comparison.methods import Method

DEFAULT_METHODS = Path(__file__).resolve().parents[1] / "configs" / "methods" / "reid.yaml"


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="compare.py", description=__doc__)
    add_case_arguments(parser, about="YAML file of the run; pairs are domains of its drawn worlds, one named source")
    add = parser.add_argument
    names = f"comma-separated names from configs/methods/{DEFAULT_METHODS.name}"
    add("--methods", required=True, metavar="FILE|a,b,c", help=f"YAML file: what each changes in the stage; or {names}")
    add("--stage", default="learn", help="the stage that is varied; default: learn")
    add("--score", default="score", help="the evaluation that scores all methods; default: score")
    add("--only", default="", help="comma-separated names of methods of the file (default: all)")
    add("--baseline", metavar="METHOD", help="also compare each method with this one, case by case")
    add("--budget", metavar="steps:N|seconds:N", help="for each method alike (default: the steps that are written)")
    add("--apart", action="store_true", help="a process for each method, so that its peak memory is its own")
    add("--table-only", action="store_true", help="run nothing; gather what is there")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run all cases, then print the table; a case that is done is not run again."""
    words = sys.argv[1:] if arguments is None else arguments
    options = build_parser().parse_args(words)
    from pipeline.errors import PipelineError
    from pipeline.telling import tell_progress

    tell_progress()

    try:
        print(compare(options, command=["python", "tools/compare.py", *words]))
    except PipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def compare(options: argparse.Namespace, *, command: Sequence[str]) -> str:
    """Run what is missing, and leave the leaderboard whenever a case has ended.

    Args:
        options: the command line.
        command: the same as words.

    Returns:
        the Markdown table.

    Raises:
        PipelineError: the comparison would not be fair, or a case ended badly.
    """
    from pipeline.comparison.board import leaderboard, write_leaderboard
    from pipeline.comparison.budget import parse_budget
    from pipeline.comparison.pilot import steps_of_budget
    from pipeline.comparison.task import Task
    from stages import STAGES

    budget, cases = parse_budget(options.budget), cases_of(options, as_written=True)
    task = Task(options.config, options.stage, options.score, chosen_methods(options), STAGES, options.overrides)
    for case in cases:
        # What is unfair or not there is told before anything runs.
        task.plan(case, steps={})
    steps = steps_of_budget(task, cases[0], options.out, budget, measure=not options.table_only)
    told = {"budget": {"kind": budget.kind, "amount": budget.amount, "steps": steps}, "command": list(command)}

    def finish() -> str:
        board = leaderboard(task, cases, options.out, steps=steps, baseline=options.baseline)
        return write_leaderboard(options.out, {**board, **told})

    if not options.table_only:
        run_cases(
            options, lambda _, *case: task.plan(Case(*case), steps=steps).tree, cases=cases,
            apart=list(task.methods) if options.apart else (), after=finish,
        )  # fmt: skip
    return finish()


def chosen_methods(options: argparse.Namespace) -> "dict[str, Method]":
    """Return the methods that a command line names.

    Args:
        options: the command line.

    Raises:
        ConfigError: names are given twice, or are not in the file.
    """
    from pipeline.comparison.methods import read_methods
    from pipeline.errors import ConfigError

    if options.methods.endswith((".yaml", ".yml")) or Path(options.methods).is_file():
        return read_methods(Path(options.methods), options.only, baseline=options.baseline)
    if options.only:
        raise ConfigError(f"--only {options.only} beside --methods {options.methods}", "names in one of the two")
    return read_methods(DEFAULT_METHODS, options.methods, baseline=options.baseline)


if __name__ == "__main__":
    sys.exit(main())
