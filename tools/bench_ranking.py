"""Compare the ranking evaluation with a plain full-argsort evaluator in the same run: CPU seconds and peak memory."""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

EVALUATORS = ("ranks_of_positives", "full_argsort")


def make_features(options: argparse.Namespace) -> list[Any]:
    """Return random query and gallery columns with about 20 gallery images a person.

    Args:
        options: sizes, noise and seed of the command line.
    """
    import numpy as np

    generator = np.random.default_rng(options.seed)
    persons = max(1, options.gallery // 20)
    centres = generator.standard_normal((persons, options.dimension), dtype=np.float32)
    columns: list[Any] = []
    for count in (options.queries, options.gallery):
        ids = generator.integers(0, persons, count)
        features = generator.standard_normal((count, options.dimension), dtype=np.float32)
        features *= options.noise
        features += centres[ids]
        columns += [features, ids, generator.integers(0, 6, count)]
    return columns


def full_argsort(query: Any, query_ids: Any, query_cameras: Any, gallery: Any, gallery_ids: Any, cameras: Any) -> float:
    """Return mAP the plain way: one distance matrix, one argsort, one loop over queries.

    Args:
        query: (Q, D) float32.
        query_ids: (Q,) int64.
        query_cameras: (Q,) int64.
        gallery: (G, D) float32.
        gallery_ids: (G,) int64.
        cameras: (G,) int64 gallery cameras.
    """
    import numpy as np

    query = query / np.linalg.norm(query, axis=1, keepdims=True)
    gallery = gallery / np.linalg.norm(gallery, axis=1, keepdims=True)
    order = np.argsort(1.0 - query @ gallery.T, axis=1, kind="stable")
    matches = gallery_ids[order] == query_ids[:, None]
    precisions = []
    for row, is_match, camera in zip(order, matches, query_cameras, strict=True):
        hits = is_match[~(is_match & (cameras[row] == camera))]
        if hits.any():
            ranks = np.flatnonzero(hits) + 1
            precisions.append((np.arange(1, len(ranks) + 1) / ranks).mean())
    return float(np.mean(precisions))


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run one evaluator in this process and return its mAP, CPU seconds and memory above the features.

    Args:
        options: the command line, with the evaluator's name.
    """
    from pipeline.metrics.ranking import rank_queries

    columns = make_features(options)
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    score = full_argsort(*columns) if options.only == "full_argsort" else rank_queries(*columns).mAP
    seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts kilobytes, macOS bytes.
    megabyte = 1024**2 if sys.platform == "darwin" else 1024
    return {"mAP": score, "cpu_seconds": seconds, "megabytes_above": (peak - before) / megabyte}


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: words of the command line; those of the process where None.

    Returns:
        exit status 0, or 1 when the two evaluators disagree.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--queries", type=int, default=842, help="default: a quarter of Market-1501's 3,368")
    parser.add_argument("--gallery", type=int, default=3978, help="default: a quarter of Market-1501's 15,913")
    parser.add_argument("--dimension", type=int, default=512, help="default: 512")
    parser.add_argument("--noise", type=float, default=3.0, help="spread of a person's features, default: 3")
    parser.add_argument("--seed", type=int, default=17, help="default: 17")
    parser.add_argument("--only", choices=EVALUATORS, help="run one evaluator and print JSON")
    options = parser.parse_args(arguments)
    if options.only:
        print(json.dumps(measure(options)))
        return 0
    words = [f"--{name}={getattr(options, name)}" for name in ("queries", "gallery", "dimension", "noise", "seed")]
    results = {}
    for name in EVALUATORS:
        # Peak memory belongs to a process, so each evaluator has its own.
        command = [sys.executable, __file__, *words, "--only", name]
        results[name] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        row = results[name]
        print(
            f"{name:<20} mAP {row['mAP']:.6f}  CPU {row['cpu_seconds']:.2f} s"
            f"  {row['megabytes_above']:.0f} MB above the features"
        )
    ours, plain = (results[name] for name in EVALUATORS)
    print(f"CPU ratio {ours['cpu_seconds'] / plain['cpu_seconds']:.3f}")
    return int(abs(ours["mAP"] - plain["mAP"]) > 1e-6)


if __name__ == "__main__":
    sys.exit(main())
