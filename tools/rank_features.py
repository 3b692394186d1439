"""Print mAP, CMC@1/5/10 and mINP of query and gallery features in an .npz file, whoever made them."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

COLUMNS = (
    "query_features",
    "query_ids",
    "query_cameras",
    "gallery_features",
    "gallery_ids",
    "gallery_cameras",
)


def load_columns(path: Path) -> list[Any]:
    """Read the six arrays without ever unpickling.

    Args:
        path: the .npz file.

    Returns:
        the arrays in the order of `COLUMNS`.

    Raises:
        DataError: when the file or an array is missing, damaged, or holds Python objects.
    """
    import zipfile
    import zlib

    import numpy as np

    from pipeline.errors import DataError

    remedy = f"Write it by numpy.savez with {', '.join(COLUMNS)}."
    try:
        with np.load(path, allow_pickle=False) as archive:
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise DataError(f"{path} holds a single array", "an .npz file", remedy)
            missing = [name for name in COLUMNS if name not in archive]
            if missing:
                raise DataError(f"{path} lacks {', '.join(missing)}", "six arrays", remedy)
            return [archive[name] for name in COLUMNS]
    except FileNotFoundError as error:
        raise DataError(f"there is no file {path}") from error
    except (OSError, ValueError, EOFError, AttributeError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        reason = "arrays of Python objects" if "allow_pickle" in str(error) else f"{error}"
        raise DataError(f"{path} cannot be read: {reason}", "an .npz file with plain arrays", remedy) from error


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("features", type=Path, metavar="FEATURES.npz", help=f"arrays {', '.join(COLUMNS)}")
    parser.add_argument("--metric", choices=("cosine", "euclidean"), default="cosine", help="default: cosine")
    parser.add_argument("--ap", choices=("step", "trapezoid"), default="step", help="form of AP, default: step")
    parser.add_argument(
        "--cameras",
        choices=("discard_same", "unknown"),
        default="discard_same",
        help="whether the person's rows under the query's own camera are junk, or cameras are unknown",
    )
    parser.add_argument(
        "--ties",
        choices=("stable", "pessimistic", "optimistic"),
        default="stable",
        help="order of equal distances: the gallery's, negatives first, positives first",
    )
    parser.add_argument("--seed", type=int, default=17, help="seed of the bootstrap, default: 17")
    parser.add_argument("--json", type=Path, metavar="OUT", help="also write everything to this file")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: words of the command line; those of the process where None.

    Returns:
        exit status: 0, or 2 after a problem that was printed in one line.
    """
    options = build_parser().parse_args(arguments)
    from pipeline.errors import PipelineError
    from pipeline.metrics.bootstrap import bootstrap_interval
    from pipeline.metrics.ranking import rank_queries
    from pipeline.metrics.ranking_text import ranking_lines, ranking_values

    try:
        result = rank_queries(
            *load_columns(options.features),
            metric=options.metric,
            ap=options.ap,
            cameras=options.cameras,
            ties=options.ties,
        )
        interval = bootstrap_interval(result.ap, seed=options.seed)
        if options.json:
            options.json.write_text(json.dumps(ranking_values(result, interval), indent=2) + "\n", encoding="utf-8")
    except (PipelineError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print("\n".join(ranking_lines(result, interval)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
