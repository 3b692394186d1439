"""Compare the modes of adaptation and the parts of the default, over seeds and domain pairs, in one table."""

import argparse
import copy
import json
import logging
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

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


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="run_ablation.py", description=__doc__)
    parser.add_argument(
        "config", metavar="CONFIG", type=Path, help="YAML file of the run whose `adapt` stage is varied"
    )
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
    parser.add_argument("--jobs", type=int, default=1, help="cases run at the same time, one thread each")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run all cases, then print the table; a case that is done is not run again."""
    options = parse_arguments(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
    from pipeline.errors import PipelineError

    try:
        with ThreadPoolExecutor(options.jobs) as pool:
            results = list(pool.map(lambda case: run_case(options, case), options.case))
    except PipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(table(results))
    return 0


def run_case(options: argparse.Namespace, case: str) -> dict[str, Any]:
    """Run every row of one domain pair and seed; return the rows by role."""
    import yaml

    from pipeline.config.load import load_config
    from pipeline.errors import PipelineError
    from stages import STAGES

    source, target, seed = case.split(":")
    domains = {"source": source, "target": target, "probe": target, "ceiling": target}
    sets = [f"data.{name}.{key}={value}" for name, domain in domains.items()
            for key, value in (("domain", domain), ("seed", seed))]  # fmt: skip
    tree = load_config(options.config, [*sets, f"seed={seed}", *options.overrides], STAGES).to_tree()
    tree = with_rows(tree, tuple(name for name in options.only.split(",") if name))
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
    # Rows share objects, which YAML would write as anchors; the strict loader takes none.
    plain: dict[str, Any] = json.loads(json.dumps(tree))
    return plain


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


def spread(values: list[float], *, digits: int = 1) -> str:
    """Return 'mean ± standard deviation' in percent."""
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{100 * statistics.mean(values):.{digits}f} ± {100 * deviation:.{digits}f}"


if __name__ == "__main__":
    sys.exit(main())
