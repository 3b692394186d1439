"""Compare the levels of a detector's distillation, over seeds and domain pairs, in one table."""

import argparse
import copy
import json
import statistics
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pipeline.comparison.cases import parse_arguments, run_cases, spread, without_sharing

DOMAINS = ("target", "source")


def main(arguments: list[str] | None = None) -> int:
    """Run all cases, then print the table; a case that is done is not run again."""
    options = parse_arguments("run_detector_ablation.py", __doc__, "detector_kd stage", arguments)
    from pipeline.errors import PipelineError
    from pipeline.telling import tell_progress

    tell_progress()

    try:
        results = [_rows(summary) for summary in run_cases(options, configure)]
    except PipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(table(results))
    return 0


def configure(options: argparse.Namespace, source: str, target: str, seed: int) -> dict[str, Any]:
    """Return the configuration of every row on one domain pair and seed.

    Args:
        options: the command line.
        source: world domain with labels.
        target: world domain without.
        seed: of the networks and of both domains.
    """
    from pipeline.config.load import load_config
    from stages import STAGES

    tree = load_config(options.config, [f"seed={seed}", *options.overrides], STAGES).to_tree()
    tree = with_rows(detector_half(tree), tuple(name for name in options.only.split(",") if name))
    roles = data_roles(tree)
    for name, entry in tree["data"].items():
        entry["domain"], entry["seed"] = (source if name in roles["source"] else target), seed
    return tree


def _rows(summary: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["role"], row["domain"]): row for row in summary["detection"]}


def detector_half(tree: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration with its detector stages alone."""
    from pipeline.errors import ConfigError

    kinds = ("detector_pretrain", "detector_kd", "evaluate_detector")
    stages = {name: stage for name, stage in tree["stages"].items() if stage["kind"] in kinds}
    for kind in kinds[1:]:
        found = [name for name, stage in stages.items() if _is_varied(stage, kind)]
        if len(found) != 1:
            raise ConfigError(
                f"{len(found)} stages of kind {kind}", "exactly one (with a teacher), which the rows are variants of"
            )
    used = json.dumps(stages)
    data = {name: entry for name, entry in tree["data"].items() if f'"{name}"' in used}
    return {**tree, "stages": stages, "data": data}


def data_roles(tree: dict[str, Any]) -> dict[str, set[str]]:
    """Return the names of the data sets that stand for the source."""
    distil, score = stage_of(tree, "detector_kd"), stage_of(tree, "evaluate_detector")
    return {"source": {distil["source"], score["data"].get("source", distil["source"])}}


def stage_of(tree: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return the only stage of a kind that is varied or scores the rows."""
    stage: dict[str, Any] = next(stage for stage in tree["stages"].values() if _is_varied(stage, kind))
    return stage


def _is_varied(stage: dict[str, Any], kind: str) -> bool:
    # A detector_kd stage without a teacher is how a teacher adapts; nothing is distilled in it.
    return stage["kind"] == kind and (kind != "detector_kd" or stage["teacher"] is not None)


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
    return without_sharing(tree)


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
        "without the cameras' backgrounds": {"pseudo": {**default["pseudo"], "foreground": False}},
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


if __name__ == "__main__":
    sys.exit(main())
