"""Measure a model on two folders of labelled crops: mAP, CMC@1/5/10, mINP, and the rules that the numbers follow."""

import argparse
import json
import logging
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="evaluate.py", description=__doc__)
    add = parser.add_argument
    add("--model", type=Path, required=True, metavar="FILE", help=".safetensors file that a run left, or .onnx")
    add("--query", required=True, metavar="DIR", help="crops to search for")
    add("--gallery", required=True, metavar="DIR", help="crops to search in")
    add(
        "--pattern",
        default="market",
        help="how names tell person and camera: market (default), mars, personx, randperson or a regular expression"
        " with the groups person and camera",
    )
    add("--index", choices=("flat", "torch", "ivf", "pq", "hnsw"), default="flat", help="default: flat, which is exact")
    add("--neighbours", type=int, default=1000, metavar="K", help="list length of ivf, pq and hnsw, default: 1000")
    add("--ap", choices=("step", "trapezoid"), default="step", help="form of AP, default: step")
    add(
        "--cameras",
        choices=("discard_same", "unknown"),
        default="discard_same",
        help="whether the person's crops under the query's own camera are left out (default), or cameras are unknown",
    )
    add(
        "--camera-statistics",
        choices=("checkpoint", "off"),
        default="checkpoint",
        help="whether the camera statistics in the model's file are used for comparing (default), or plain embeddings",
    )
    add(
        "--target",
        default="",
        metavar="NAME",
        help="the target whose cameras the folders show, for a model that was adapted to several",
    )
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: auto")
    add("--json", type=Path, metavar="OUT", help="also write everything to this file")
    add("-v", "--verbose", action="store_true", help="log how folders were read")
    return parser


def measure(options: argparse.Namespace) -> tuple[list[str], dict[str, Any]]:
    """Embed and rank.

    Args:
        options: the command line.

    Returns:
        lines for people and values for programs.

    Raises:
        PipelineError: the model or a folder cannot be used.
    """
    from datasets.table import read_table_probe
    from pipeline import build
    from pipeline.config.schema import RuntimeConfig
    from pipeline.metrics.bootstrap import bootstrap_interval
    from pipeline.metrics.ranking_text import ranking_lines, ranking_values
    from pipeline.models.complexity import cost_of
    from pipeline.training.embedder_file import load_embedder
    from pipeline.training.scoring import embed_probe, rank_tables

    runtime = RuntimeConfig(device=options.device)
    device = build.device(runtime)
    loaded = load_embedder(options.model)
    params, macs = cost_of(loaded.model)
    probe = read_table_probe(options.query, options.gallery, options.pattern)
    statistics = loaded.cameras if options.camera_statistics == "checkpoint" else None
    facts = {
        "model": str(options.model),
        "params": params,
        "macs": macs,
        "input": list(loaded.model.size),
        "camera_statistics": [] if statistics is None else list(statistics.names),
    }
    model: Any = loaded.model.to(device)
    precision = build.precision(runtime, device)
    tables = embed_probe(model, probe, statistics=statistics, precision=precision, site=options.target)
    result = rank_tables(
        tables.query,
        tables.gallery,
        index=options.index,
        ap=options.ap,
        cameras=options.cameras,
        neighbours=options.neighbours,
    )
    interval = bootstrap_interval(result.ap[result.valid], seed=0)
    facts["unknown_cameras"] = list(tables.unknown_cameras)
    facts |= {"query": len(tables.query), "gallery": len(tables.gallery)}
    return [*ranking_lines(result, interval), *describe(facts)], {**facts, **ranking_values(result, interval)}


def describe(facts: dict[str, Any]) -> list[str]:
    """Return the lines about the model and how its embeddings are compared.

    Args:
        facts: plain values.
    """
    from pipeline.report.roles import quantity

    size = " x ".join(str(side) for side in facts["input"])
    lines = [
        f"model: {quantity(facts['params'])} parameters, {quantity(facts['macs'])} MACs at {size} pixels",
        f"crops: {facts['query']} in the query, {facts['gallery']} in the gallery",
    ]
    if not facts["camera_statistics"]:
        return [*lines, "camera statistics: not used, embeddings are compared as they are"]
    cameras = ", ".join(facts["camera_statistics"])
    lines.append(f"camera statistics: embeddings are standardised by those of cameras {cameras}")
    if facts["unknown_cameras"]:
        unknown = ", ".join(facts["unknown_cameras"])
        lines.append(f"unknown cameras: {unknown} were not adapted to; the statistics of all cameras together are used")
    return lines


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: words of the command line; those of the process where None.

    Returns:
        exit status: 0, or 2 after a problem that was printed in one line.
    """
    options = build_parser().parse_args(arguments)
    level = logging.INFO if options.verbose else logging.WARNING
    logging.basicConfig(level=level, format="%(message)s", stream=sys.stderr)
    # FAISS tells at this level which of its binaries it loads.
    logging.getLogger("faiss").setLevel(logging.WARNING)
    # Imported after the command line is read: --help and a mistyped option must not wait for torch.
    from pipeline.errors import PipelineError

    try:
        lines, values = measure(options)
        if options.json:
            options.json.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    except (PipelineError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
