"""Show how the label-free criterion of an adaptation goes with the hidden mAP of its rounds.

The run must have been made with `--set stages.adapt.keep_rounds=true`; target labels are read here, after the fact.
"""

import argparse
import json
import logging
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="check_selection.py", description=__doc__)
    parser.add_argument("runs", metavar="RUN", type=Path, nargs="+", help="folders of finished runs")
    parser.add_argument("--stage", default="adapt", help="name of the adaptation stage (default: adapt)")
    parser.add_argument("--probe", default="probe", help="name of the labelled probe in the run's data")
    parser.add_argument("--target", default="", help="the target that the probe shows, where the stage has several")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Print one table a run: criterion and mAP after each round, and their rank correlation."""
    options = parse_arguments(arguments)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    from pipeline.errors import PipelineError

    try:
        for run in options.runs:
            print(report(run, rounds_of_run(run, stage=options.stage, probe_name=options.probe, site=options.target)))
    except PipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def rounds_of_run(run: Path, *, stage: str, probe_name: str, site: str = "") -> list[dict[str, Any]]:
    """Return round, criterion and mAP of every kept round.

    Args:
        run: the run's folder.
        stage: name of the adaptation stage.
        probe_name: name of the probe in the run's configuration.
        site: the target that the probe shows, where the stage has several.

    Raises:
        ManifestError: the run has no such stage, or kept no rounds.
    """
    from pipeline import build
    from pipeline.checkpoint import load_model
    from pipeline.config.load import load_config
    from pipeline.errors import ManifestError
    from pipeline.training.precision import Precision
    from pipeline.training.scoring import embed_probe, rank_tables
    from stages import STAGES

    current = run / stage / "CURRENT"
    if not current.is_file():
        raise ManifestError(f"{run} has no finished stage {stage}", "a finished adaptation", "Run it first.")
    attempt = run / stage / current.read_text(encoding="utf-8").strip()
    files = sorted(attempt.glob("round-*.safetensors"))
    if not files:
        raise ManifestError(
            f"{attempt} keeps no rounds", "round-000.safetensors and so on",
            f"Run again with --set stages.{stage}.keep_rounds=true --restart {stage}.",
        )  # fmt: skip
    probe = build.reid_probe(load_config(run / "config.yaml", [], STAGES).data[probe_name])
    rows = [json.loads(line) for line in (attempt / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    scores = {
        row["round"]: row.get("targets", {}).get(site, row)["selection"] for row in rows if row.get("event") == "round"
    }
    found = []
    for file in files:
        loaded = load_model(file)
        tables = embed_probe(loaded.model, probe, statistics=loaded.cameras, precision=Precision(), site=site)
        number = int(file.stem.removeprefix("round-"))
        value = rank_tables(tables.query, tables.gallery).mAP
        found.append({"round": number, "criterion": scores[number], "mAP": value})
    return found


def report(run: Path, rounds: list[dict[str, Any]]) -> str:
    """Return the table of one run with Spearman's correlation over its rounds.

    Args:
        run: shown in the title.
        rounds: what `rounds_of_run` returned.
    """
    from scipy.stats import spearmanr

    correlation = float(spearmanr([r["criterion"] for r in rounds], [r["mAP"] for r in rounds]).statistic)
    lines = [
        f"{run.name}: Spearman's correlation {correlation:.2f}",
        "",
        "| round | criterion | hidden mAP % |",
        "|---|---|---|",
    ]
    lines += [f"| {r['round']} | {r['criterion']:.3f} | {100 * r['mAP']:.1f} |" for r in rounds]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(main())
