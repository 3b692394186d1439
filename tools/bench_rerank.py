"""Measure k-reciprocal re-ranking over growing sets against the dense definition and another project's code."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

# Queries and gallery images of the public test sets.
SIZES = {"market": (3368, 15913), "msmt17": (11659, 82161)}
K1, K2, BLEND = 20, 6, 0.3
Work = Callable[[], float]


def blocks_job(**made: Any) -> Work:
    """Prepare our re-ranking; the blocks of distances are added up and dropped, as an evaluation would.

    Args:
        made: arguments of `query_and_gallery`.
    """
    import numpy as np

    from pipeline.benchmarking.made_features import query_and_gallery
    from pipeline.retrieval.rerank import reranked_blocks

    query, _, _, gallery, _, _ = query_and_gallery(**made)

    def work() -> float:
        blocks = reranked_blocks(query, gallery, k1=K1, k2=K2, blend=BLEND)
        return sum(float(rows.sum(dtype=np.float64)) for _, rows in blocks) / (len(query) * len(gallery))

    return work


def dense_job(**made: Any) -> Work:
    """Prepare the definition on N x N matrices, N = queries + gallery.

    Args:
        made: arguments of `query_and_gallery`.
    """
    import numpy as np

    from pipeline.benchmarking.dense_reciprocal import (
        dense_jaccard,
        dense_neighbours,
        dense_squared_distances,
        dense_weights,
    )
    from pipeline.benchmarking.made_features import query_and_gallery

    query, _, _, gallery, _, _ = query_and_gallery(**made)

    def work() -> float:
        features = np.concatenate([query, gallery])
        lists = dense_neighbours(features, K1 + 1)
        distances = dense_squared_distances(features)
        distances /= distances.max(axis=1, keepdims=True)
        weights = dense_weights(distances, lists, k1=K1, k2=K2)
        blended = (1 - BLEND) * dense_jaccard(weights, len(query)) + BLEND * distances[: len(query)]
        return float(blended[:, len(query) :].mean(dtype=np.float64))

    return work


def torchreid_job(*, checkout: str, **made: Any) -> Work:
    """Prepare torchreid's function on matrices of Euclidean distances, which it squares.

    Args:
        checkout: folder of the project.
        made: arguments of `query_and_gallery`.
    """
    import numpy as np

    from pipeline.benchmarking.dense_reciprocal import dense_squared_distances
    from pipeline.benchmarking.made_features import query_and_gallery
    from pipeline.benchmarking.peers import peer_module

    function = peer_module(Path(checkout) / "torchreid/utils", "rerank").re_ranking
    query, _, _, gallery, _, _ = query_and_gallery(**made)

    def work() -> float:
        count = len(query)
        distances = np.sqrt(dense_squared_distances(np.concatenate([query, gallery])))
        blocks = distances[:count, count:], distances[:count, :count], distances[count:, count:]
        return float(function(*blocks, k1=K1, k2=K2, lambda_value=BLEND).mean(dtype=np.float64))

    return work


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: words of the command line; those of the process where None.

    Returns:
        exit status: 0, 1 when two methods' mean distances differ by more than 1e-4, 2 after a problem in one line.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--size", choices=SIZES, default="market", help="whose queries and gallery (default: %(default)s)")
    add("--shares", default="0.125,0.25,0.5,1", help="comma-separated shares of both (default: %(default)s)")
    add("--dimension", type=int, default=512, help="default: %(default)s")
    add("--noise", type=float, default=1.5, help="spread of a person's features (default: %(default)s)")
    add("--dense-up-to", type=int, default=5000, help="most rows of the plain N x N code (default: %(default)s)")
    add("--peer-up-to", type=int, default=10000, help="most rows of the other project's code (default: %(default)s)")
    add("--plot", type=Path, metavar="FILE.svg", help="where to draw the cost curves")
    options = parser.parse_args(arguments)
    from pipeline.errors import PipelineError

    try:
        return run(options)
    except PipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def run(options: argparse.Namespace) -> int:
    """Measure all methods at all sizes, print the table and the growth.

    Args:
        options: the command line.
    """
    from pipeline.benchmarking.cost_table import cost_cells, cost_panels, growth, machine, markdown_table
    from pipeline.benchmarking.measured_child import Cost, measured_child
    from pipeline.benchmarking.peers import named_peers
    from pipeline.report.cost_curve import draw_cost_curve

    peers = named_peers("torchreid")
    print(f"{machine()}\nk1 {K1}, k2 {K2}, {options.dimension} dimensions, one thread\n")
    table, apart = [], 0.0
    found: dict[str, dict[int, Cost]] = {}
    for share in map(float, options.shares.split(",")):
        queries, gallery = (max(1, round(share * count)) for count in SIZES[options.size])
        made = {"queries": queries, "gallery": gallery, "dimension": options.dimension, "noise": options.noise}
        rows = queries + gallery
        costs: dict[str, Cost] = {"ours": measured_child("tools.bench_rerank:blocks_job", **made)}
        if rows <= options.dense_up_to:
            costs["plain N x N"] = measured_child("tools.bench_rerank:dense_job", **made)
        for peer, checkout in peers.items() if rows <= options.peer_up_to else ():
            costs[peer] = measured_child("tools.bench_rerank:torchreid_job", checkout=str(checkout), **made)
        for method, cost in costs.items():
            found.setdefault(method, {})[rows] = cost
            apart = max(apart, abs(cost.value - costs["ours"].value))
            cells = cost_cells(cost, reference=costs["ours"])
            table.append({"queries x gallery": f"{queries:,} x {gallery:,}", "method": method, **cells})
    print(markdown_table(table))
    ours = found["ours"]
    if len(ours) > 1:
        for name, values in (
            ("CPU s", [cost.cpu_seconds for cost in ours.values()]),
            ("MB above base", [max(cost.megabytes_above, 0.1) for cost in ours.values()]),
        ):
            print(f"\n* {name}: ours grows as N^{growth(list(ours), values)[0]:.2f}, N = queries + gallery", end="")
        print()
    if options.plot:
        options.plot.write_text(
            draw_cost_curve(cost_panels(found), x_label="queries + gallery", guides=(1, 2)), encoding="utf-8"
        )
    return int(apart > 1e-4)


if __name__ == "__main__":
    sys.exit(main())
