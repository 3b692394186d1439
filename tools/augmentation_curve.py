"""Draw what ever stronger augmentation does to a student, with a teacher and without: the outlier-suppression curve."""

import argparse
import copy
import json
import logging
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pipeline.comparison.cases import spread, without_sharing
from pipeline.report.augmentation_curve import draw_augmentation_curve

_RUN = Path(__file__).resolve().parent / "run.py"
Tree = dict[str, Any]
# Scores by stage and magnitude, one a seed.
Scores = dict[str, dict[float, list[float]]]


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line.

    Args:
        arguments: words of the command line; those of the process where None.
    """
    parser = argparse.ArgumentParser(prog="augmentation_curve.py", description=__doc__)
    add = parser.add_argument
    add("config", metavar="CONFIG", type=Path, help="YAML file of a run that trains the same student in several ways")
    add("--magnitudes", default="0,5,10,20,30", help="comma-separated, 0..60; the published scale ends at 30")
    add("--stages", default="alone,kd", help="comma-separated stages whose augmentation is varied (default: alone,kd)")
    add("--policy", default="randaugment", choices=("randaugment", "randaugment_reid"))
    add("--operations", type=int, default=2, help="operations an image (default: 2)")
    add("--score", default="score", help="evaluation stage (default: score)")
    add("--domain", default=None, help="domain of the evaluation to draw (default: its first)")
    add("--seeds", default="1,2,3", help="comma-separated seeds of the run")
    add("--out", type=Path, required=True, help="folder of all runs, of the table and of the picture")
    add("--set", dest="overrides", action="append", default=[], metavar="a.b=c", help="for all runs")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run everything, then write the table and the picture; what is done is not run again.

    Args:
        arguments: words of the command line; those of the process where None.
    """
    options = parse_arguments(arguments)
    from pipeline.errors import PipelineError
    from pipeline.telling import tell_progress

    tell_progress()

    try:
        results = [_run(options, int(seed)) for seed in options.seeds.split(",")]
        scores, unit = gather(results, names_of(options), domain=options.domain)
    except PipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    text = table(scores, unit=unit)
    (options.out / "curve.md").write_text(text + "\n", encoding="utf-8")
    (options.out / "curve.json").write_text(json.dumps(scores, indent=1), encoding="utf-8")
    picture = options.out / "curve.svg"
    label = f"magnitude of {options.policy}, {options.operations} operations an image"
    picture.write_text(draw_augmentation_curve(scores, x_label=label, y_label=f"{unit} in %"), encoding="utf-8")
    print(f"{text}\n\npicture: {picture}")
    return 0


def names_of(options: argparse.Namespace) -> dict[str, tuple[str, float]]:
    """Return the stage and the magnitude of each stage that is run.

    Args:
        options: the command line.
    """
    magnitudes = [float(text) for text in options.magnitudes.split(",")]
    return {
        f"{stage}_m{magnitude:g}".replace(".", "_"): (stage, magnitude)
        for stage in options.stages.split(",")
        for magnitude in magnitudes
    }


def varied(tree: Tree, options: argparse.Namespace) -> Tree:
    """Return a configuration with every stage at every magnitude, and one evaluation of them all.

    Args:
        tree: the configuration.
        options: the command line.

    Raises:
        ConfigError: a stage is not in the configuration, or has no augmentation.
    """
    from pipeline.errors import ConfigError

    tree = copy.deepcopy(tree)
    for name, (stage, magnitude) in names_of(options).items():
        if "augment" not in tree["stages"].get(stage, {}) or options.score not in tree["stages"]:
            known = ", ".join(name for name, entry in tree["stages"].items() if "augment" in entry)
            raise ConfigError(f"--stages {stage} with --score {options.score}", f"stages that augment: {known}")
        policy = {"policy": options.policy, "magnitude": magnitude, "operations": options.operations}
        tree["stages"][name] = {**tree["stages"][stage], "augment": {**tree["stages"][stage]["augment"], **policy}}
        tree["stages"][options.score]["models"][name] = f"{name}.best"
    tree["stages"][options.score] = tree["stages"].pop(options.score)
    return without_sharing(tree)


def gather(
    results: Sequence[Mapping[str, Any]], names: Mapping[str, tuple[str, float]], *, domain: str | None
) -> tuple[Scores, str]:
    """Return the scores of all runs by stage and magnitude, and what they are called.

    Args:
        results: the object of results.json of each seed.
        names: stage and magnitude by the name of a row.
        domain: whose rows; None is the first domain of each run.
    """
    scores: Scores = {}
    unit = ""
    for result in results:
        rows = [row for row in [*result.get("classification", []), *result["reid"]] if row["role"] in names]
        wanted = domain if domain is not None else rows[0]["domain"]
        for row in rows:
            if row["domain"] == wanted:
                stage, magnitude = names[row["role"]]
                unit = "top-1" if "top1" in row else "mAP"
                scores.setdefault(stage, {}).setdefault(magnitude, []).append(row.get("top1", row.get("mAP")))
    return scores, unit


def table(scores: Scores, *, unit: str) -> str:
    """Return the Markdown table: one row a magnitude, mean and standard deviation over the seeds.

    Args:
        scores: by stage and magnitude.
        unit: what they are.
    """
    stages = list(scores)
    gain = [f"{stages[-1]} - {stages[0]}"] if len(stages) > 1 else []
    head = ["magnitude", *(f"{stage}, {unit} %" for stage in stages), *gain]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for magnitude in sorted(next(iter(scores.values()))):
        cells = [f"{magnitude:g}", *(spread(scores[stage][magnitude]) for stage in stages)]
        if gain:
            first, last = (statistics.mean(scores[stage][magnitude]) for stage in (stages[0], stages[-1]))
            cells.append(f"{100 * (last - first):+.1f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _run(options: argparse.Namespace, seed: int) -> dict[str, Any]:
    from pipeline.config.load import load_config
    from pipeline.config.strict_yaml import write_yaml
    from pipeline.errors import PipelineError
    from stages import STAGES

    config = load_config(options.config, [*options.overrides, f"seed={seed}"], STAGES)
    folder = options.out / f"seed-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "curve.yaml"
    path.write_text(write_yaml(varied(config.to_tree(), options)), encoding="utf-8")
    logging.info("seed %d: %d stages, log in %s", seed, len(names_of(options)), folder / "log.txt")
    command = [sys.executable, str(_RUN), str(path), "--run-dir", str(folder / "run")]
    with open(folder / "log.txt", "a", encoding="utf-8") as log:
        code = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False).returncode
    if code:
        raise PipelineError(f"seed {seed} ended with exit code {code}", "0", f"See {folder / 'log.txt'}.")
    found: dict[str, Any] = json.loads((folder / "run" / "results.json").read_text(encoding="utf-8"))
    return found


if __name__ == "__main__":
    sys.exit(main())
