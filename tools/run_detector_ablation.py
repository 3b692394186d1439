"""Compare the levels of a detector's distillation, over seeds and domain pairs, in one table."""

import argparse
import copy
import json
import logging
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

DOMAINS = ("target", "source")


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="run_detector_ablation.py", description=__doc__)
    parser.add_argument("config", metavar="CONFIG", type=Path, help="YAML file with a detector_kd stage")
    parser.add_argument("--out", type=Path, required=True, help="folder of all runs")
    parser.add_argument(
        "--case",
        action="append",
        required=True,
        metavar="SOURCE:TARGET:SEED",
        help="world domains and seed; repeatable",
    )
    parser.add_argument("--only", default="", help="comma-separated names of rows (default: all)")
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="a.b=c", help="for all rows")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run all cases, then print the table; a case that is done is not run again."""
    options = parse_arguments(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
    from pipeline.errors import PipelineError

    try:
        results = [run_case(options, case) for case in options.case]
    except PipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(table(results))
    return 0


def run_case(options: argparse.Namespace, case: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Run every row of one domain pair and seed; return the rows by role and domain."""
    import yaml

    from pipeline.config.load import load_config
    from pipeline.errors import PipelineError
    from stages import STAGES

    source, target, seed = case.split(":")
    tree = load_config(options.config, [f"seed={seed}", *options.overrides], STAGES).to_tree()
    tree = with_rows(detector_half(tree), tuple(name for name in options.only.split(",") if name))
    roles = data_roles(tree)
    for name, entry in tree["data"].items():
        entry["domain"], entry["seed"] = (source if name in roles["source"] else target), int(seed)
    folder = options.out / f"{source}-{target}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "ablation.yaml"
    path.write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")
    command = [sys.executable, str(Path(__file__).with_name("run.py")), str(path), "--run-dir", str(folder / "run")]
    with open(folder / "log.txt", "a", encoding="utf-8") as log:
        code = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False).returncode
    if code:
        raise PipelineError(f"case {case} ended with exit code {code}", "0", f"See {folder / 'log.txt'}.")
    summary = json.loads((folder / "run" / "results.json").read_text(encoding="utf-8"))
    return {(row["role"], row["domain"]): row for row in summary["detection"]}


def detector_half(tree: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration with its detector stages alone."""
    from pipeline.errors import ConfigError

    kinds = ("detector_pretrain", "detector_kd", "evaluate_detector")
    stages = {name: stage for name, stage in tree["stages"].items() if stage["kind"] in kinds}
    for kind in kinds[1:]:
        found = [name for name, stage in stages.items() if stage["kind"] == kind]
        if len(found) != 1:
            raise ConfigError(f"{len(found)} stages of kind {kind}", "exactly one, which the rows are variants of")
    used = json.dumps(stages)
    data = {name: entry for name, entry in tree["data"].items() if f'"{name}"' in used}
    return {**tree, "stages": stages, "data": data}


def data_roles(tree: dict[str, Any]) -> dict[str, set[str]]:
    """Return the names of the data sets that stand for the source."""
    distil, score = stage_of(tree, "detector_kd"), stage_of(tree, "evaluate_detector")
    return {"source": {distil["source"], score["data"].get("source", distil["source"])}}


def stage_of(tree: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return the only stage of a kind."""
    stage: dict[str, Any] = next(stage for stage in tree["stages"].values() if stage["kind"] == kind)
    return stage


def with_rows(tree: dict[str, Any], only: tuple[str, ...]) -> dict[str, Any]:
    """Return the run's configuration with one distillation stage a row and one evaluation of them all."""
    default, score = stage_of(tree, "detector_kd"), stage_of(tree, "evaluate_detector")
    last = next(name for name, stage in tree["stages"].items() if stage["kind"] == "evaluate_detector")
    kind = tree["models"][default["train"]]["detector"]
    for number, (name, stage) in enumerate(variants(default, kind).items()):
        if not only or name in only:
            tree["stages"][f"row{number}"] = stage
            score["models"][name] = f"row{number}.best"
    score["drawn"] = 0
    tree["stages"][last] = tree["stages"].pop(last)
    # Rows share objects, which YAML would write as anchors; the strict loader takes none.
    plain: dict[str, Any] = json.loads(json.dumps(tree))
    return plain


def variants(default: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """Return the changed distillation stages by the name of their row.

    Args:
        default: the stage as it is configured.
        kind: of the student, which decides its levels.
    """
    from pipeline.training.detection.defaults import LEVELS

    levels = default["objectives"] if default["objectives"] is not None else LEVELS[kind]
    changes: dict[str, dict[str, Any]] = {
        "labels of the source alone": {"target": None, "objectives": {}},
        "all levels, source alone": {"target": None},
        "pseudo-boxes alone": {"objectives": {}},
        **{f"pseudo-boxes + {name}": {"objectives": {name: terms}} for name, terms in levels.items()},
        "teacher learns" if not default["teacher_learns"] else "teacher frozen": {
            "teacher_learns": not default["teacher_learns"]
        },
    }
    return {name: {**copy.deepcopy(default), **change} for name, change in changes.items()}


def table(results: list[dict[tuple[str, str], dict[str, Any]]]) -> str:
    """Return the Markdown table: AP50 and MR of every row on both domains, mean and standard deviation over cases."""
    names = list(dict.fromkeys(role for role, _ in results[0]))
    names.sort(key=lambda name: -statistics.mean(result[name, "target"]["ap50"] for result in results))
    head = ["row", *(f"{domain} {metric}" for domain in DOMAINS for metric in ("AP50 %", "MR⁻² %")), "gap closed %"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for name in names:
        cells = [spread([r[name, d][m] for r in results]) for d in DOMAINS for m in ("ap50", "mr2")]
        gaps = ", ".join(f"{100 * gap_closed(result, name):.0f}" for result in results)
        lines.append("| " + " | ".join([label(name), *cells, gaps]) + " |")
    return "\n".join(lines)


def label(name: str) -> str:
    """Return a role's name for people."""
    from pipeline.report.roles import ROLE_NAMES

    return "**default**" if name == "student_adapted" else ROLE_NAMES.get(name, name)


def gap_closed(result: dict[tuple[str, str], dict[str, Any]], name: str) -> float:
    """Return (row − direct) / (supervised − direct) in AP50 on the target."""
    direct, ceiling = (result[role, "target"]["ap50"] for role in ("student_direct", "student_supervised"))
    gap: float = (result[name, "target"]["ap50"] - direct) / (ceiling - direct)
    return gap


def spread(values: list[float]) -> str:
    """Return 'mean ± standard deviation' in percent."""
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{100 * statistics.mean(values):.1f} ± {100 * deviation:.1f}"


if __name__ == "__main__":
    sys.exit(main())
