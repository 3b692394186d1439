"""Compare methods: one run for each, on the same data and steps, over drawn domain pairs and seeds, best first."""

import argparse
import logging
import statistics
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pipeline.comparison.cases import add_case_arguments, run_cases, spread, without_sharing


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="compare.py", description=__doc__)
    add_case_arguments(parser, about="YAML file of the run; its data sets are drawn worlds, one of them named source")
    add = parser.add_argument
    add("--methods", type=Path, required=True, metavar="FILE", help="YAML file: what each method changes in the stage")
    add("--stage", default="learn", help="the stage that is varied; default: learn")
    add("--score", default="score", help="the evaluation that scores all methods; default: score")
    add("--only", default="", help="comma-separated names of methods (default: all)")
    add("--baseline", metavar="METHOD", help="also print the distance of each method to this one, case by case")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run all cases, then print the table; a case that is done is not run again."""
    options = build_parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
    from pipeline.errors import PipelineError

    try:
        methods = read_methods(options.methods, options.only, baseline=options.baseline)
        results = run_cases(options, lambda _, *case: configure(options, methods, *case))
    except PipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    rows = [{row["role"]: row for row in summary["reid"] if row["domain"] == "target"} for summary in results]
    print(table(rows, baseline=options.baseline))
    return 0


def read_methods(path: Path, only: str, *, baseline: str | None) -> dict[str, dict[str, Any]]:
    """Return what each method changes.

    Args:
        path: YAML file, a mapping of mappings.
        only: comma-separated names; empty takes all.
        baseline: has to be one of them.

    Raises:
        ConfigError: the file is no such mapping, or a name is not in it.
    """
    from pipeline.config.strict_yaml import read_yaml
    from pipeline.errors import ConfigError

    try:
        tree, _ = read_yaml(path.read_text(encoding="utf-8"), path.name)
    except OSError as error:
        raise ConfigError(f"{path} can't be read ({error.strerror})", "a YAML file of methods") from error
    if not isinstance(tree, dict) or not all(isinstance(change, dict) for change in tree.values()):
        raise ConfigError(f"{path} is not a mapping of methods", "NAME: {what it changes in the stage}")
    names = [name for name in only.split(",") if name] or list(tree)
    for name in [*names, *([] if baseline is None else [baseline])]:
        if name not in tree or (name == baseline and name not in names):
            raise ConfigError(f"there is no method {name!r}", f"one of {', '.join(names if name in tree else tree)}")
    return {name: tree[name] for name in names}


def configure(
    options: argparse.Namespace, methods: dict[str, dict[str, Any]], source: str, target: str, seed: int
) -> dict[str, Any]:
    """Return the configuration of all methods on one domain pair and seed.

    Args:
        options: the command line.
        methods: what each changes.
        source: world domain of the data set `source`.
        target: world domain of all others.
        seed: of the networks and of both domains.

    Raises:
        ConfigError: there is no such stage.
    """
    from pipeline.config.load import load_config
    from pipeline.errors import ConfigError
    from stages import STAGES

    tree = load_config(options.config, [f"seed={seed}", *options.overrides], STAGES).to_tree()
    for name in (options.stage, options.score):
        if name not in tree["stages"]:
            raise ConfigError(f"{options.config} has no stage {name!r}", f"one of {', '.join(tree['stages'])}")
    for name, entry in tree["data"].items():
        entry["domain"], entry["seed"] = (source if name == "source" else target), seed
    varied, score = tree["stages"].pop(options.stage), tree["stages"].pop(options.score)
    for name, change in methods.items():
        tree["stages"][name] = changed(varied, change)
        score["models"][name] = f"{name}.last"
    tree["stages"][options.score] = score
    return without_sharing(tree)


def changed(stage: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """Return a stage with a method's objectives beside its own, and the method's other settings in place of its own.

    Args:
        stage: the settings that all methods share.
        change: of the method; `objectives: null` takes those of the method's mode.
    """
    merged = {**stage, **change}
    if change.get("objectives") is not None:
        merged["objectives"] = {**(stage["objectives"] or {}), **change["objectives"]}
    return merged


def table(results: list[dict[str, dict[str, Any]]], *, baseline: str | None = None) -> str:
    """Return the Markdown table, the best mean first.

    Args:
        results: the rows by model, of each case.
        baseline: method that the last column compares with; None leaves the column out.
    """
    names = sorted(results[0], key=lambda name: -statistics.mean(result[name]["mAP"] for result in results))
    head = ["method", "mAP %", "R1 %", *([] if baseline is None else [f"mAP - {baseline}, each case"])]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for name in names:
        cells = [name, spread([r[name]["mAP"] for r in results]), spread([r[name]["cmc"]["1"] for r in results])]
        if baseline is not None:
            gaps = [100 * (result[name]["mAP"] - result[baseline]["mAP"]) for result in results]
            cells.append(", ".join(f"{gap:+.1f}" for gap in gaps))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
