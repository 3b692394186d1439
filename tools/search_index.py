"""Search an index for features, or for crops that a model embeds: the nearest rows of each as JSON."""

import argparse
import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

if TYPE_CHECKING:
    import numpy as np

    from pipeline.retrieval.feature_rows import FeatureRows
    from pipeline.retrieval.index_folder import OpenIndex


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="search_index.py", description=__doc__)
    add = parser.add_argument
    add("index", type=Path, metavar="INDEX", help="folder that tools/build_index.py wrote")
    add("queries", metavar="QUERIES", help="table of tools/extract.py, .npy file, .npz file with query_features (or"
        " features), or with --model a folder of crops")  # fmt: skip
    add("-k", "--neighbours", type=int, default=10, metavar="K", help="rows to find for each, default: 10")
    add("--model", type=Path, metavar="FILE", help=".safetensors file that embedded the index: QUERIES are crops")
    add("--from", dest="kind", default="image_folder", metavar="KIND", help="kind of crops, default: image_folder")
    add("--split", help="split of the crops, where their kind has splits: train, query or gallery")
    add("--with", dest="options", action="append", default=[], metavar="NAME=VALUE", help="another setting of the kind")
    add("--target", default="", metavar="NAME", help="whose cameras these are, for a model adapted to several targets")
    add("--metric", choices=("cosine", "euclidean"), help="refuse an index of another metric")
    add("--probes", type=int, help="ivf, pq: lists to look through, default: as built")
    add("--breadth", type=int, help="hnsw: candidates to keep, default: as built")
    add("--device", choices=("cpu", "cuda"), default="cpu", help="where to search and embed, default: cpu")
    add("--verify", action="store_true", help="compare the SHA-256 of every file of the index first")
    add("--json", type=Path, metavar="OUT", help="write the result to this file instead of printing it")
    return parser


def search(options: argparse.Namespace) -> dict[str, Any]:
    """Search, and return plain values.

    Args:
        options: the command line.

    Raises:
        PipelineError: the index or the queries cannot be used, or do not fit together.
    """
    from pipeline.errors import ConfigError
    from pipeline.retrieval.index_folder import check_query, open_index
    from pipeline.retrieval.origin import check_comparable

    if options.neighbours < 1:
        raise ConfigError(f"-k {options.neighbours}", "at least 1")
    chosen = {name: getattr(options, name) for name in ("probes", "breadth") if getattr(options, name) is not None}
    opened = open_index(options.index, device=options.device, is_verified=options.verify, options=chosen)
    queries = read_queries(options, opened)
    check_query(opened.header, dimension=queries.dimension, metric=options.metric)
    check_comparable(queries.origin, opened.header.origin)
    results = []
    for first, rows in queries.blocks(1024):
        distances, positions = opened.index.search(rows, min(options.neighbours, opened.header.count))
        results += [
            found(opened, queries.names[first + row], distances[row], positions[row]) for row in range(len(rows))
        ]
    header = opened.header
    return {
        "index": str(options.index), "kind": header.kind, "metric": header.metric, "rows": header.count,
        "options": {**header.options, **chosen}, "results": results,
    }  # fmt: skip


def read_queries(options: argparse.Namespace, opened: "OpenIndex") -> "FeatureRows":
    """Return the rows to search for.

    Args:
        options: the command line.
        opened: the index.
    """
    from pipeline.retrieval.feature_rows import read_feature_rows

    if options.model is None:
        return read_feature_rows(Path(options.queries), part="query")
    import torch

    from datasets.named_sources import read_crop_source
    from pipeline.training.crop_embedding import embed_queries

    data = read_crop_source(options.kind, options.queries, split=options.split, words=options.options)
    device = torch.device(options.device)
    return embed_queries(options.model, data, opened.header.origin, device=device, site=options.target)


def found(opened: "OpenIndex", query: "np.void", distances: "np.ndarray", positions: "np.ndarray") -> dict[str, Any]:
    """Return one query with its neighbours, nearest first.

    Args:
        opened: the index.
        query: its record of names.
        distances: (K,) ascending.
        positions: (K,); -1 where an approximate search found fewer.
    """
    from pipeline.retrieval.row_names import name_facts

    neighbours = [
        {"position": int(position), "distance": float(distance), **name_facts(opened.names[position])}
        for distance, position in zip(distances, positions, strict=True)
        if position >= 0
    ]
    return {"query": name_facts(query), "neighbours": neighbours}


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: words of the command line; those of the process where None.

    Returns:
        exit status: 0, or 2 after a problem that was printed in one line.
    """
    options = build_parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    # Imported after the command line is read: --help must not wait for FAISS.
    from pipeline.errors import PipelineError

    try:
        text = json.dumps(search(options), indent=1) + "\n"
        if options.json:
            options.json.write_text(text, encoding="utf-8")
    except (PipelineError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if not options.json:
        print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
