"""Measure k-reciprocal Jaccard distances over growing sets against the dense definition and other projects' code."""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

K1, K2, KEEP_BELOW = 30, 6, 0.62
# Where other projects keep the function: folder, module, and the arguments for a search on the CPU.
PEERS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "OpenUnReID": ("openunreid/core/utils", "compute_dist", {"search_option": 3, "verbose": False}),
    "SpCL": ("spcl/utils", "faiss_rerank", {"search_option": 3, "print_flag": False}),
}
Work = Callable[[], dict[str, float]]


def sparse_job(*, count: int, dimension: int, noise: float) -> Work:
    """Prepare our distances; the work also tells the CPU seconds of the neighbour search.

    Args:
        count: N.
        dimension: D.
        noise: as in `person_features`.
    """
    from pipeline.benchmarking.made_features import person_features
    from pipeline.clustering.jaccard import jaccard_distance
    from pipeline.retrieval.search import search_by

    features, _ = person_features(count, dimension=dimension, noise=noise)
    spent: list[float] = []

    def search(gallery: Any, queries: Any, k: int) -> Any:
        started = time.process_time()
        found = search_by("flat")(gallery, queries, k)
        spent.append(time.process_time() - started)
        return found

    def work() -> dict[str, float]:
        matrix = jaccard_distance(features, k1=K1, k2=K2, keep_below=KEEP_BELOW, search=search)
        # The diagonal is stored by us alone.
        return {"pairs": matrix.nnz - count, "search": sum(spent)}

    return work


def dense_job(*, count: int, dimension: int, noise: float) -> Work:
    """Prepare the definition on N x N matrices.

    Args:
        count: N.
        dimension: D.
        noise: as in `person_features`.
    """
    from pipeline.benchmarking.dense_reciprocal import (
        dense_jaccard,
        dense_neighbours,
        dense_squared_distances,
        dense_weights,
    )
    from pipeline.benchmarking.made_features import person_features

    features, _ = person_features(count, dimension=dimension, noise=noise)

    def work() -> dict[str, float]:
        lists = dense_neighbours(features, K1)
        weights = dense_weights(dense_squared_distances(features), lists, k1=K1, k2=K2)
        return {"pairs": int((dense_jaccard(weights, count) <= KEEP_BELOW).sum()) - count}

    return work


def peer_job(*, peer: str, checkout: str, count: int, dimension: int, noise: float) -> Work:
    """Prepare another project's function.

    Args:
        peer: a name in `PEERS`.
        checkout: its folder.
        count: N.
        dimension: D.
        noise: as in `person_features`.
    """
    import torch

    from pipeline.benchmarking.made_features import person_features
    from pipeline.benchmarking.peers import peer_module

    folder, module, options = PEERS[peer]
    function = peer_module(Path(checkout) / folder, module).compute_jaccard_distance
    features, _ = person_features(count, dimension=dimension, noise=noise)
    rows = torch.from_numpy(features)
    return lambda: {"pairs": int((function(rows, k1=K1, k2=K2, **options) <= KEEP_BELOW).sum()) - count}


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: words of the command line; those of the process where None.

    Returns:
        exit status: 0, 1 when two methods find different pairs, 2 after a problem that was printed in one line.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--counts", default="2000,4000,8000,16000", help="comma-separated sizes (default: %(default)s)")
    add("--dimension", type=int, default=512, help="default: %(default)s")
    add("--noise", type=float, default=1.5, help="spread of a person's features (default: %(default)s)")
    add("--dense-up-to", type=int, default=4000, help="largest size of the plain N x N code (default: %(default)s)")
    add("--peer-up-to", type=int, default=16000, help="largest size of other projects' code (default: %(default)s)")
    add("--extrapolate", type=int, default=1_000_000, help="size to compute from the growth (default: %(default)s)")
    add("--plot", type=Path, metavar="FILE.svg", help="where to draw the cost curves")
    options = parser.parse_args(arguments)
    from pipeline.errors import PipelineError

    try:
        return run(options)
    except PipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def run(options: argparse.Namespace) -> int:
    """Measure all methods at all sizes, print the table and the growth, and draw.

    Args:
        options: the command line.
    """
    from pipeline.benchmarking.cost_table import cost_cells, machine, markdown_table
    from pipeline.benchmarking.measured_child import Cost, measured_child
    from pipeline.benchmarking.peers import named_peers

    peers = named_peers(*PEERS)
    costs: dict[str, dict[int, Cost]] = {"ours": {}}
    rows, agree = [], True
    print(f"{machine()}\nk1 {K1}, k2 {K2}, distances up to {KEEP_BELOW}, {options.dimension} dimensions, one thread\n")
    for count in map(int, options.counts.split(",")):
        made = {"count": count, "dimension": options.dimension, "noise": options.noise}
        ours = costs["ours"][count] = measured_child("tools.bench_jaccard:sparse_job", **made)
        if count <= options.dense_up_to:
            costs.setdefault("plain N x N", {})[count] = measured_child("tools.bench_jaccard:dense_job", **made)
        for peer, checkout in peers.items() if count <= options.peer_up_to else ():
            job = {"peer": peer, "checkout": str(checkout), **made}
            costs.setdefault(peer, {})[count] = measured_child("tools.bench_jaccard:peer_job", **job)
        for method, found in costs.items():
            if count not in found:
                continue
            pairs = found[count].value["pairs"]
            # Pairs at the bound may fall to either side of it by rounding.
            agree = agree and abs(pairs - ours.value["pairs"]) <= 1e-4 * max(ours.value["pairs"], 1e4)
            cells = cost_cells(found[count], reference=ours)
            rows.append({"N": f"{count:,}", "method": method, **cells, "pairs kept": f"{pairs:,.0f}"})
    print(markdown_table(rows))
    if len(costs["ours"]) > 1:
        print(f"\n{growth_sentences(costs['ours'], options.extrapolate)}")
    if options.plot:
        _draw(options.plot, costs)
    return int(not agree)


def parts(cost: Any) -> dict[str, float]:
    """Return CPU seconds of our search and of all else, and the megabytes above the base.

    Args:
        cost: of `sparse_job`.
    """
    search = cost.value["search"]
    return {
        "search CPU s": search,
        "algebra CPU s": cost.cpu_seconds - search,
        "MB above base": max(cost.megabytes_above, 0.1),
    }


def growth_sentences(ours: dict[int, Any], size: int) -> str:
    """Return how our costs grow with N, and what the fitted curves say for a larger size.

    Args:
        ours: costs by N.
        size: the larger N.
    """
    from pipeline.benchmarking.cost_table import growth

    lines = []
    for name in parts(next(iter(ours.values()))):
        exponent, factor = growth(list(ours), [parts(cost)[name] for cost in ours.values()])
        lines.append(f"* {name}: grows as N^{exponent:.2f}; {factor * size**exponent:,.0f} at N = {size:,} by this fit")
    return "\n".join(lines)


def _draw(path: Path, costs: dict[str, dict[int, Any]]) -> None:
    from pipeline.benchmarking.cost_table import cost_panels
    from pipeline.report.cost_curve import draw_cost_curve

    panels = cost_panels(costs)
    for part in ("search", "algebra"):
        label = f"ours: {part} only"
        panels["CPU seconds"][label] = {n: parts(cost)[f"{part} CPU s"] for n, cost in costs["ours"].items()}
    path.write_text(draw_cost_curve(panels, x_label="images N", guides=(1, 2)), encoding="utf-8")
    print(f"\npicture: {path}")


if __name__ == "__main__":
    sys.exit(main())
