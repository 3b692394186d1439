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
    add("--match-rate", type=float, metavar="RATE", help="say of each row whether it shows the same person; so many"
        " pairs of two people may be taken for one, such as 0.01")  # fmt: skip
    add("--thresholds", type=Path, metavar="FILE", help="model file that embedded the index and holds the thresholds,"
        " default: that of --model")  # fmt: skip
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
    match = None if options.match_rate is None else stored_match(options, opened)
    check_query(opened.header, dimension=queries.dimension, metric=options.metric)
    check_comparable(queries.origin, opened.header.origin)
    results = []
    for first, rows in queries.blocks(1024):
        distances, positions = opened.index.search(rows, min(options.neighbours, opened.header.count))
        results += [
            found(opened, queries.names[first + row], distances[row], positions[row], match=match)
            for row in range(len(rows))
        ]
    header = opened.header
    return {
        "index": str(options.index), "kind": header.kind, "metric": header.metric, "rows": header.count,
        "options": {**header.options, **chosen}, **({} if match is None else {"match": match}), "results": results,
    }  # fmt: skip


def stored_match(options: argparse.Namespace, opened: "OpenIndex") -> dict[str, Any]:
    """Return the threshold below which a distance means the same person, and where it comes from.

    Args:
        options: the command line.
        opened: the index.

    Raises:
        PipelineError: the file has no such threshold, or its distances are not those of the index.
    """
    from pipeline.atomic_files import sha256_of_file
    from pipeline.errors import ConfigError, DataError
    from pipeline.metrics.match_record import required_record
    from pipeline.training.embedder_file import load_embedder

    header, file = opened.header, options.thresholds or options.model
    if file is None:
        raise ConfigError("--match-rate without a model", "what embedded the index", "Name its file by --thresholds.")
    if header.metric != "cosine" or header.kind == "pq":
        raise DataError(
            f"--match-rate for an index of kind {header.kind} and the {header.metric} metric",
            "exact cosine distances: kind flat, ivf or hnsw and the cosine metric", "Build another index.",
        )  # fmt: skip
    record = required_record(load_embedder(file).match, file)
    if header.origin.model is not None and header.origin.model != sha256_of_file(file):
        raise DataError(f"the index was embedded by model {header.origin.model[:12]}", f"that of {file}")
    evidence, point = record.chosen(options.match_rate, is_standardised=header.origin.is_standardised)
    return {"rate": point.rate, "threshold": point.threshold, "true_match_rate": point.true_match_rate,
            "from": evidence.words}  # fmt: skip


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


def found(
    opened: "OpenIndex", query: "np.void", distances: "np.ndarray", positions: "np.ndarray", *,
    match: dict[str, Any] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Return one query with its neighbours, nearest first.

    Args:
        opened: the index.
        query: its record of names.
        distances: (K,) ascending.
        positions: (K,); -1 where an approximate search found fewer.
        match: of `stored_match`; None says nothing about who is the same person.
    """
    from pipeline.retrieval.row_names import name_facts

    def said(distance: float) -> dict[str, bool]:
        return {} if match is None else {"same_person": distance < match["threshold"]}

    neighbours = [
        {"position": int(position), "distance": float(distance), **said(float(distance)),
         **name_facts(opened.names[position])}
        for distance, position in zip(distances, positions, strict=True)
        if position >= 0
    ]  # fmt: skip
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
