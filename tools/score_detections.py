"""Score detections in COCO's result format against COCO-like truth, by COCO's or by pedestrian protocols."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

if TYPE_CHECKING:
    from pipeline.metrics.detection.protocols import ProtocolScore
    from pipeline.metrics.detection.subsets import Range, Subset

PROTOCOLS = ("coco", "caltech", "citypersons", "crowdhuman")
WITH_SUBSETS = ("caltech", "citypersons")
EPILOG = """subsets (of caltech and citypersons):
  reasonable small medium large bare partial all heavy_citypersons heavy_csp
  kaist_reasonable kaist_near kaist_medium kaist_far kaist_all
  eurocity_reasonable eurocity_small eurocity_occluded eurocity_all
'heavy' is heavy_citypersons, visible share [.2, .65]; heavy_csp is [0, .65].
Truth: images, annotations with image_id, category_id, bbox and, if there, height, vis_ratio or vis_bbox, ignore,
iscrowd, area. Detections: a list of image_id, category_id, bbox, score and, if there, height."""


def chosen_subset(options: argparse.Namespace) -> "Subset | None":
    """Return the subset that the command line asks for, None for protocols that have none.

    Args:
        options: the parsed command line.

    Raises:
        DataError: for an unknown name, ranges that are none, or a choice that the protocol does not have.
    """
    from pipeline.errors import DataError
    from pipeline.metrics.detection.subsets import Subset, find_subset

    has_ranges = options.height is not None or options.visible is not None
    if options.protocol not in WITH_SUBSETS:
        if options.subset is not None or has_ranges:
            asked = "--subset" if options.subset is not None else "--height or --visible"
            raise DataError(f"{asked} with protocol {options.protocol}", f"protocol {' or '.join(WITH_SUBSETS)}")
        return None
    if not has_ranges:
        return find_subset(options.subset or "reasonable")
    if options.subset is not None:
        raise DataError("--subset together with --height or --visible", "one of the two")
    height, visible = (_range(getattr(options, name), f"--{name}") for name in ("height", "visible"))
    return Subset("own ranges", height, visible)


def _range(text: str | None, option: str) -> "Range":
    """Return the ends of 'LOW,HIGH'; HIGH may be inf or left out."""
    from pipeline.errors import DataError

    low, _, high = (text or "0,inf").partition(",")
    try:
        ends = float(low or 0), float(high or "inf")
    except ValueError:
        ends = (1.0, 0.0)
    if not 0 <= ends[0] <= ends[1]:
        raise DataError(f"{option} {text}", "LOW,HIGH with 0 <= LOW <= HIGH, such as 50,inf")
    return ends


def score(options: argparse.Namespace) -> "ProtocolScore":
    """Read both files and score them.

    Args:
        options: the parsed command line.

    Raises:
        DataError: for anything that cannot be scored.
    """
    from pipeline.metrics.detection import protocols
    from pipeline.metrics.detection.detections_file import read_detections
    from pipeline.metrics.detection.truth_file import read_truth

    subset = chosen_subset(options)
    truth = read_truth(options.truth)
    detections = read_detections(options.detections, truth.image_ids, skip_unknown=options.skip_unknown)
    arguments: dict[str, Any] = {"category": options.category}
    if subset is not None:
        arguments["subset"] = subset
    return protocols.PROTOCOLS[options.protocol](truth, detections, **arguments)


def score_lines(result: "ProtocolScore") -> list[str]:
    """Return the metrics with six decimals, then the counts, then one line for each rule.

    Args:
        result: what the protocol says.
    """
    width = max(map(len, result.values)) + 2
    values = {
        name: "none (no box counts)" if value is None else f"{value:.6f}" for name, value in result.values.items()
    }
    counts = ", ".join(f"{name.replace('_', ' ')}: {count}" for name, count in result.counts.items())
    return [
        *(f"{name:<{width}}{value}" for name, value in values.items()),
        counts,
        *(f"{rule}: {sentence}" for rule, sentence in result.semantics.items()),
    ]


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, epilog=EPILOG, formatter_class=raw)
    parser.add_argument("--truth", type=Path, required=True, metavar="T.json", help="annotated boxes")
    parser.add_argument("--detections", type=Path, required=True, metavar="D.json", help="results of any detector")
    parser.add_argument("--protocol", choices=PROTOCOLS, required=True, help="whose rules")
    parser.add_argument("--subset", metavar="NAME", help="who counts, see below; default: reasonable")
    parser.add_argument(
        "--height", metavar="A,B", help="own range of heights in pixels instead of a subset, e.g. 50,inf"
    )
    parser.add_argument(
        "--visible", metavar="A,B", help="own range of visible shares instead of a subset, e.g. .65,inf"
    )
    parser.add_argument("--category", type=int, help="category id; default: all for coco, else 1")
    parser.add_argument("--skip-unknown", action="store_true", help="leave out detections of images not in the truth")
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

    try:
        result = score(options)
        if options.json:
            options.json.write_text(json.dumps(result.as_json(), indent=2) + "\n", encoding="utf-8")
    except (PipelineError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print("\n".join(score_lines(result)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
