"""Measure search indexes over made features: recall against the exact search, CPU time of a query, building, memory."""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

KINDS = ("flat", "ivf", "pq", "hnsw")


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: words of the command line; those of the process where None.

    Returns:
        exit status: 0, 1 when the exact index and the plain search disagree, 2 after a problem in one line.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--rows", type=int, default=100_000, help="default: %(default)s")
    add("--dimension", type=int, default=256, help="default: %(default)s")
    add("--latent", type=int, default=48, help="directions in which persons differ (default: %(default)s)")
    add("--queries", type=int, default=500, help="default: %(default)s")
    add("--single", type=int, default=50, help="queries that are asked one by one (default: %(default)s)")
    add("--kinds", default=",".join(KINDS), help="comma-separated; flat always takes part (default: %(default)s)")
    add("--probes", type=int, default=16, help="lists that ivf and pq look through (default: %(default)s)")
    add("--folder", help="where the files lie meanwhile (default: the system's temporary folder)")
    options = parser.parse_args(arguments)
    from pipeline.errors import PipelineError

    kinds = ["flat", *(kind for kind in options.kinds.split(",") if kind != "flat")]
    if not set(kinds) <= set(KINDS):
        parser.error(f"--kinds {options.kinds}: expected some of {', '.join(KINDS)}")
    try:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            return run(options, kinds, Path(folder))
    except PipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def run(options: argparse.Namespace, kinds: list[str], folder: Path) -> int:
    """Measure all kinds and print both tables.

    Args:
        options: the command line.
        kinds: of index.
        folder: for features and indexes.
    """
    from pipeline.benchmarking.cost_table import cost_cells, machine, markdown_table
    from pipeline.benchmarking.measured_child import measured_child

    sizes = {name: getattr(options, name) for name in ("rows", "queries", "dimension", "latent")}
    print(f"{machine()}\n{options.rows:,} rows, {options.dimension} dimensions, {options.latent} latent, one thread\n")
    jobs = "tools.bench_index_cases"
    measured_child(f"{jobs}:features_job", folder=str(folder), **sizes)
    building, searching = [], []
    plain = measured_child(f"{jobs}:plain_job", folder=str(folder), single=options.single)
    searching.append(search_cells("plain NumPy", folder / "plain.found.npy", plain, plain))
    for kind in kinds:
        chosen = index_options(kind, options)
        built = measured_child(f"{jobs}:build_job", folder=str(folder), kind=kind, options=chosen)
        cells = cost_cells(built)
        del cells["CPU ratio"]
        building.append(
            {"index": kind, **cells, **private_cells(built), "MB on disk": f"{built.value['megabytes']:,.0f}"}
        )
        cost = measured_child(f"{jobs}:search_job", folder=str(folder), kind=kind, single=options.single)
        words = "".join(f", {name} {value}" for name, value in chosen.items())
        searching.append(search_cells(f"{kind}{words}", folder / f"{kind}.found.npy", cost, plain))
    print(f"Building\n\n{markdown_table(building)}\n\nSearching\n\n{markdown_table(searching)}")
    agreement = recall(folder / "plain.found.npy", folder / "flat.found.npy", depth=1)
    return int(agreement < 0.99)


def index_options(kind: str, options: argparse.Namespace) -> dict[str, int]:
    """Return what an index of a kind is built with.

    Args:
        kind: of the index.
        options: the command line.
    """
    from pipeline.retrieval.index_writer import default_lists

    if kind not in ("ivf", "pq"):
        return {}
    return {"lists": default_lists(options.rows), "probes": options.probes}


def search_cells(name: str, found: Path, cost: Any, plain: Any) -> dict[str, str]:
    """Return the cells of one way to search.

    Args:
        name: what it is called.
        found: file of the positions that it found.
        cost: of the process that searched.
        plain: cost of the plain search.
    """
    exact = found.with_name("flat.found.npy")
    has_exact = found.name != "plain.found.npy"
    together = cost.value.get("together_ms")
    return {
        "index": name,
        "recall@1": f"{recall(found, exact, depth=1):.3f}" if has_exact else "",
        "recall@10": f"{recall(found, exact, depth=10):.3f}" if has_exact else "",
        "CPU ms a query alone": f"{cost.value['single_ms']:.3f}",
        "CPU ms a query of many": "" if together is None else f"{together:.3f}",
        "base MB": f"{cost.base_megabytes:,.0f}",
        "peak above base MB": f"{cost.megabytes_above:,.0f}",
        **private_cells(cost),
        "CPU ratio": f"{cost.value['single_ms'] / plain.value['single_ms']:.3f}",
    }


def private_cells(cost: Any) -> dict[str, str]:
    """Return the cell of the memory that is no mapped file; empty where it was not measured."""
    private = cost.value.get("private_megabytes")
    return {"of it not mapped MB": "" if private is None else f"{private:,.0f}"}


def recall(found: Path, exact: Path, *, depth: int) -> float:
    """Return the share of the exact nearest rows that were found, over the queries that both were asked.

    Args:
        found: file of (Q, K) positions.
        exact: file of (Q', K) positions.
        depth: rows of each that count.
    """
    import numpy as np

    pairs = zip(np.load(found), np.load(exact), strict=False)
    return float(np.mean([len(np.intersect1d(ours[:depth], theirs[:depth])) / depth for ours, theirs in pairs]))


if __name__ == "__main__":
    sys.exit(main())
