"""Measure the ranking evaluation, distances included, against a full argsort and other projects' compiled ones."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

# Queries and gallery images of the public test sets.
SIZES = {"market": (3368, 15913), "msmt17": (11659, 82161)}
# Where other projects keep the compiled evaluator.
PEERS = {"torchreid": "torchreid/metrics/rank_cylib", "fast-reid": "fastreid/evaluation/rank_cylib"}
Work = Callable[[], float]


def ranks_job(**made: Any) -> Work:
    """Prepare our evaluation.

    Args:
        made: arguments of `query_and_gallery`.
    """
    from pipeline.benchmarking.made_features import query_and_gallery
    from pipeline.metrics.ranking import rank_queries

    columns = query_and_gallery(**made)
    return lambda: rank_queries(*columns).mAP


def argsort_job(**made: Any) -> Work:
    """Prepare the plain way: one distance matrix, one argsort, one loop over queries.

    Args:
        made: arguments of `query_and_gallery`.
    """
    import numpy as np

    from pipeline.benchmarking.made_features import query_and_gallery

    query, query_ids, query_cameras, gallery, gallery_ids, cameras = query_and_gallery(**made)

    def work() -> float:
        order = np.argsort(1.0 - query @ gallery.T, axis=1, kind="stable")
        matches = gallery_ids[order] == query_ids[:, None]
        precisions = []
        for row, is_match, camera in zip(order, matches, query_cameras, strict=True):
            hits = is_match[~(is_match & (cameras[row] == camera))]
            if hits.any():
                ranks = np.flatnonzero(hits) + 1
                precisions.append((np.arange(1, len(ranks) + 1) / ranks).mean())
        return float(np.mean(precisions))

    return work


def peer_job(*, peer: str, checkout: str, **made: Any) -> Work:
    """Prepare another project's compiled evaluator; the distances are one matrix product before it.

    Args:
        peer: a name in `PEERS`.
        checkout: its folder.
        made: arguments of `query_and_gallery`.
    """
    import numpy as np

    from pipeline.benchmarking.made_features import query_and_gallery
    from pipeline.benchmarking.peers import peer_module

    evaluate = peer_module(Path(checkout) / PEERS[peer], "rank_cy").evaluate_cy
    query, query_ids, query_cameras, gallery, gallery_ids, cameras = query_and_gallery(**made)

    def work() -> float:
        distances = 1.0 - query @ gallery.T
        found = evaluate(distances, query_ids, gallery_ids, query_cameras, cameras, 50, False)[1]
        # Some return the mean, some the values of all queries.
        return float(np.mean(found))

    return work


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: words of the command line; those of the process where None.

    Returns:
        exit status: 0, 1 when two methods disagree by more than 1e-5 in mAP, 2 after a problem printed in one line.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--size", choices=SIZES, default="market", help="whose queries and gallery (default: %(default)s)")
    add("--shares", default="1", help="comma-separated shares of queries and gallery, in (0, 1] (default: 1)")
    add("--dimension", type=int, default=512, help="default: %(default)s")
    add("--noise", type=float, default=3.0, help="spread of a person's features (default: %(default)s)")
    add("--most-pairs", type=float, default=1e8, help="largest queries x gallery of the others (default: 1e8)")
    add("--plot", type=Path, metavar="FILE.svg", help="where to draw the cost curves")
    options = parser.parse_args(arguments)
    from pipeline.errors import PipelineError

    try:
        return run(options)
    except PipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def run(options: argparse.Namespace) -> int:
    """Measure all methods at all sizes, print the table, and draw.

    Args:
        options: the command line.
    """
    from pipeline.benchmarking.cost_table import cost_cells, cost_panels, machine, markdown_table
    from pipeline.benchmarking.measured_child import Cost, measured_child
    from pipeline.report.cost_curve import draw_cost_curve

    print(f"{machine(('numpy', 'scipy'))}\n{options.dimension} dimensions, one thread\n")
    table, found, apart = [], dict[str, dict[int, Cost]](), 0.0
    for share in map(float, options.shares.split(",")):
        queries, gallery = (max(1, round(share * count)) for count in SIZES[options.size])
        made = {"queries": queries, "gallery": gallery, "dimension": options.dimension, "noise": options.noise}
        jobs = jobs_for(queries * gallery, most=options.most_pairs)
        costs = {
            name: measured_child(f"tools.bench_ranking:{job}", **more, **made) for name, (job, more) in jobs.items()
        }
        for name, cost in costs.items():
            found.setdefault(name, {})[gallery] = cost
            apart = max(apart, abs(cost.value - costs["ours"].value))
            cells = cost_cells(cost, reference=costs["ours"])
            size = {"queries x gallery": f"{queries:,} x {gallery:,}", "method": name}
            table.append({**size, **cells, "mAP": f"{cost.value:.6f}"})
    print(markdown_table(table))
    if options.plot:
        text = draw_cost_curve(cost_panels(found), x_label="gallery images, queries in proportion", guides=(1, 2))
        options.plot.write_text(text, encoding="utf-8")
    # Others compare float32 distances 1 - s, whose rounding makes ties of neighbours that ours still tells apart.
    return int(apart > 1e-5)


def jobs_for(pairs: int, *, most: float) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return the job of each method, with its own arguments.

    Args:
        pairs: queries times gallery.
        most: of them, where the others still take part.
    """
    from pipeline.benchmarking.peers import named_peers

    jobs: dict[str, tuple[str, dict[str, Any]]] = {"ours": ("ranks_job", {})}
    if pairs <= most:
        jobs["plain full argsort"] = ("argsort_job", {})
        for peer, checkout in named_peers(*PEERS).items():
            jobs[f"{peer}, compiled"] = ("peer_job", {"peer": peer, "checkout": str(checkout)})
    return jobs


if __name__ == "__main__":
    sys.exit(main())
