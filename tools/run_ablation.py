"""Compare the modes of adaptation and the parts of the default, over seeds and domain pairs, in one table."""

import argparse
import copy
import statistics
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pipeline.comparison.cases import parse_arguments, run_cases, spread, without_sharing

MODES = ("joint", "two_stage", "distil_then_adapt", "kd_only", "uda_only", "as_published")
# Every entry changes one thing of the default: settings, or terms taken out of both networks' objectives.
SETTINGS: dict[str, dict[str, Any]] = {
    "plain embeddings (no camera statistics)": {"clustering": {"standardise": False}},
    "without the reliability rule": {"clustering": {"eps_gap": None}},
    "one neighbour list for all cameras": {"clustering": {"camera_aware": False}},
    "fixed eps 0.6": {"clustering": {"eps": 0.6}},
    "both networks cluster": {"clustering": {"by": "both"}},
    "constant beta": {"beta": {"schedule": "constant", "start": 0.5, "end": 0.5}},
}
WITHOUT = ("mmd", "relation", "embedding", "kd", "centroid_contrast", "proxy_contrast", "source labels")
SWAPPED = {"dmmd for mmd": "dmmd", "gradient reversal for mmd": "gradient_reversal"}
BASELINE_ROLES = ("student_direct", "teacher_direct", "student_supervised")


def main(arguments: list[str] | None = None) -> int:
    """Run all cases, then print the table; a case that is done is not run again."""
    options = parse_arguments("run_ablation.py", __doc__, "`adapt` stage", arguments)
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

    domains = {"source": source, "target": target, "probe": target, "ceiling": target}
    sets = [f"data.{name}.{key}={value}" for name, domain in domains.items()
            for key, value in (("domain", domain), ("seed", seed))]  # fmt: skip
    tree = load_config(options.config, [*sets, f"seed={seed}", *options.overrides], STAGES).to_tree()
    return with_rows(tree, tuple(name for name in options.only.split(",") if name))


def _rows(summary: dict[str, Any]) -> dict[str, Any]:
    return {row["role"]: row for row in summary["reid"] if row["domain"] == "target"}


def with_rows(tree: dict[str, Any], only: tuple[str, ...]) -> dict[str, Any]:
    """Return the run's configuration with one adaptation stage a row and one evaluation of them all."""
    default = tree["stages"]["adapt"]
    score = tree["stages"]["score"]
    for number, (name, stage) in enumerate(variants(default).items()):
        if only and name not in only:
            continue
        tree["stages"][f"row{number}"] = stage
        score["models"][name] = f"row{number}.best"
    score["strips"] = 0
    tree["stages"]["score"] = tree["stages"].pop("score")
    return without_sharing(tree)


def variants(default: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the changed adaptation stages by the name of their row."""
    from pipeline.training.mode_defaults import STUDENT_TERMS, TEACHER_TERMS

    found: dict[str, dict[str, Any]] = {}
    for mode in MODES:
        if mode == default["mode"]:
            continue
        found[f"mode {mode}"] = {**copy.deepcopy(default), "mode": mode}
    for name, change in SETTINGS.items():
        stage = copy.deepcopy(default)
        for section, values in change.items():
            stage[section] |= values
        found[name] = stage
    teacher, student = TEACHER_TERMS[default["mode"]], STUDENT_TERMS[default["mode"]]
    for part in WITHOUT:
        gone = ("cross_entropy", "triplet") if part == "source labels" else (part,)
        found[f"without {part}"] = {
            **copy.deepcopy(default),
            "teacher_objectives": {key: value for key, value in teacher.items() if key not in gone},
            "objectives": {key: value for key, value in student.items() if key not in gone},
        }
    for name, term in SWAPPED.items():
        terms = {key: value for key, value in teacher.items() if key != "mmd"} | {term: {"weight": 0.5}}
        found[name] = {**copy.deepcopy(default), "teacher_objectives": terms}
    return found


def table(results: list[dict[str, Any]]) -> str:
    """Return the Markdown table: mAP and gap closed of every row, mean and standard deviation over the cases."""
    names = sorted(results[0], key=lambda name: -statistics.mean(result[name]["mAP"] for result in results))
    lines = ["| row | mAP % | R1 % | gap closed % (each case) | mean ± sd |", "|---|---|---|---|---|"]
    for name in names:
        gaps = [gap_closed(result, name) for result in results]
        each = ", ".join(f"{100 * gap:.0f}" for gap in gaps)
        lines.append(
            f"| {label(name)} | {spread([r[name]['mAP'] for r in results])} | "
            f"{spread([r[name]['cmc']['1'] for r in results])} | {each} | {spread(gaps, digits=0)} |"
        )
    return "\n".join(lines)


def label(name: str) -> str:
    """Return a role's name for people."""
    return {"student_adapted": "**default**", "student_direct": "source-only student",
            "student_supervised": "supervised student (ceiling)", "teacher_direct": "source-only teacher",
            "teacher_adapted": "adapted teacher"}.get(name, name)  # fmt: skip


def gap_closed(result: dict[str, Any], name: str) -> float:
    """Return (row − direct) / (supervised − direct) in mAP."""
    direct, ceiling = result["student_direct"]["mAP"], result["student_supervised"]["mAP"]
    gap: float = (result[name]["mAP"] - direct) / (ceiling - direct)
    return gap


if __name__ == "__main__":
    sys.exit(main())
