"""Build a search index from a table of embeddings, from features of any program, or from a model and its crops."""

import argparse
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

if TYPE_CHECKING:
    from pipeline.retrieval.index_folder import IndexHeader

OPTIONS = ("lists", "probes", "parts", "bits", "links", "breadth")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="build_index.py", description=__doc__)
    add = parser.add_argument
    add(
        "features",
        type=Path,
        metavar="FEATURES",
        help="table of tools/extract.py, .npy file, .npz file with gallery_features (or features), and ids, cameras and"
        " names where they are known; with --model, crops",
    )
    add("--out", type=Path, required=True, metavar="INDEX", help="folder to be made")
    add("--kind", choices=("flat", "hnsw", "ivf", "pq"), default="flat", help="default: flat, which is exact")
    add("--metric", choices=("cosine", "euclidean"), default="cosine", help="default: cosine")
    add("--lists", type=int, help="ivf, pq: inverted lists, default: about the square root of the rows")
    add("--probes", type=int, help="ivf, pq: lists that a search looks through, default: 8")
    add("--parts", type=int, help="pq: parts of a row that are quantized on their own, default: 32")
    add("--bits", type=int, help="pq: bits of a part, default: 8")
    add("--links", type=int, help="hnsw: links of a row, default: 32")
    add("--breadth", type=int, help="hnsw: candidates that building and search keep, default: 128")
    add("--model", type=Path, metavar="FILE", help=".safetensors file: FEATURES are crops, which it embeds into the"
        " table INDEX.table first; tools/extract.py has more ways to do that")  # fmt: skip
    add("--from", dest="crops", default="image_folder", metavar="KIND", help="kind of crops, default: image_folder")
    add("--split", help="split of the crops, where their kind has splits: train, query or gallery")
    add("--with", dest="options", action="append", default=[], metavar="NAME=VALUE", help="another setting of the kind")
    add("--device", choices=("cpu", "cuda"), default="cpu", help="where to embed, train and fill, default: cpu")
    return parser


def build(options: argparse.Namespace) -> "IndexHeader":
    """Read the features, build the index and return what it is.

    Args:
        options: the command line.

    Raises:
        PipelineError: the features cannot be used, or the index cannot be built or written.
    """
    from pipeline.errors import ConfigError
    from pipeline.retrieval.feature_rows import read_feature_rows
    from pipeline.retrieval.index_folder import INVERTED
    from pipeline.retrieval.index_writer import IndexPlan, default_lists, write_index

    given = {name: getattr(options, name) for name in OPTIONS if getattr(options, name) is not None}
    for name, value in given.items():
        if value < 1:
            raise ConfigError(f"--{name} {value}", "at least 1")
    rows = read_feature_rows(embed(options) if options.model else options.features, part="gallery")
    if options.kind in INVERTED:
        given.setdefault("lists", default_lists(len(rows)))
    plan = IndexPlan(options.kind, metric=options.metric, options=given, device=options.device)
    return write_index(options.out, rows, plan)


def embed(options: argparse.Namespace) -> Path:
    """Embed crops into a table beside the index, or go on with one, and return its folder.

    Args:
        options: the command line.

    Raises:
        PipelineError: the model, the crops or the table cannot be used.
    """
    import torch

    from datasets.named_sources import read_crop_source
    from pipeline.atomic_files import sha256_of_file
    from pipeline.training.embedder_file import load_embedder
    from pipeline.training.table_extraction import extract_table

    loaded = load_embedder(options.model)
    data = read_crop_source(options.crops, str(options.features), split=options.split, words=options.options)
    folder: Path = options.out.with_name(f"{options.out.name}.table")
    model = loaded.model.to(torch.device(options.device))
    extract_table(model, data, folder, digest=sha256_of_file(options.model), statistics=loaded.cameras)
    return folder


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
        header = build(options)
    except (PipelineError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    words = "".join(f", {name} {value}" for name, value in header.options.items())
    size = sum(facts["bytes"] for facts in header.files.values())
    print(f"{options.out}: {header.kind}{words}, {header.count} rows of {header.dimension}, {header.metric} metric,"
          f" {size / 1e6:,.1f} MB")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
