"""Find the people on street frames with a model that a run left: COCO results, and pictures where asked for."""

import argparse
import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

if TYPE_CHECKING:
    from datasets.frame_records import FrameData
    from pipeline.detection_types import Detections

_DECIMALS = 3


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="detect.py", description=__doc__)
    add = parser.add_argument
    add("model", type=Path, metavar="FILE", help=".safetensors file of a detector that a run left")
    add("source", metavar="SRC", help="folder of frames; the domain for world_frames")
    add("--from", dest="kind", default="frame_folder", metavar="KIND", help="kind of SRC, default: frame_folder")
    add("--split", help="split of SRC, where its kind has splits")
    add("--with", dest="options", action="append", default=[], metavar="NAME=VALUE", help="another setting of the kind")
    add("--domain", metavar="NAME", help="whose batch-norm statistics to use where the file holds several: source")
    add("--json", type=Path, metavar="OUT", help="write COCO results; image ids are 1, 2, ... in the order of listing,"
        " as tools/convert_detection.py numbers them")  # fmt: skip
    add("--draw", type=Path, metavar="DIR", help="write the frames with their boxes to this folder")
    add("--show-faces", action="store_true", help="leave heads in these pictures as they are, not blurred")
    add("--least", type=float, default=0.3, metavar="SCORE", help="weaker boxes are not drawn or counted; default: 0.3")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: auto")
    return parser


def find(options: argparse.Namespace) -> tuple["FrameData", list["Detections"]]:
    """Look through all frames.

    Args:
        options: the command line.

    Returns:
        the readable frames, and what was found on each, in its own pixels.

    Raises:
        PipelineError: the model or the frames cannot be used.
    """
    from datasets.named_sources import read_frame_source
    from pipeline import build
    from pipeline.checkpoint import load_detector
    from pipeline.config.schema import RuntimeConfig
    from pipeline.training.detection.scoring import find_people, in_stored_pixels

    runtime = RuntimeConfig(device=options.device)
    device = build.device(runtime)
    loaded = load_detector(options.model, domain=options.domain)
    data = read_frame_source(options.kind, options.source, split=options.split, words=options.options).without_labels()
    frames = build.frame_dataset(data, size=loaded.spec["size"])
    found = find_people(loaded.model.to(device), frames, precision=build.precision(runtime, device))
    return frames.cache.data, in_stored_pixels(frames, found)


def coco_results(found: list["Detections"]) -> list[dict[str, Any]]:
    """Return detections as COCO's list of results.

    Args:
        found: of each image, whose id is its position from 1 on.
    """
    rows = []
    for image_id, one in enumerate(found, start=1):
        for (left, top, right, bottom), score in zip(one.boxes.tolist(), one.scores.tolist(), strict=True):
            box = [round(side, _DECIMALS) for side in (left, top, right - left, bottom - top)]
            rows.append({"image_id": image_id, "category_id": 1, "bbox": box, "score": round(score, 6)})
    return rows


def write_pictures(
    folder: Path, data: "FrameData", found: list["Detections"], *, least: float, show_faces: bool = False
) -> None:
    """Write each frame with its boxes as a JPEG of the same name.

    Args:
        folder: made where it does not exist.
        data: the frames.
        found: on each of them.
        least: weaker boxes are not drawn.
        show_faces: leave the frames as they are; else the upper part of every box is blurred, drawn or not.
    """
    from datasets.world.sheet import encode_image
    from pipeline.report.blurred_heads import blurred_heads
    from pipeline.report.frame_pictures import draw_detections

    for sample, one in zip(data.samples, found, strict=True):
        path = (folder / sample.path).with_suffix(".jpg")
        path.parent.mkdir(parents=True, exist_ok=True)
        image = data.load(sample)
        image = image if show_faces else blurred_heads(image, one.boxes)
        path.write_bytes(encode_image(draw_detections(image, one, threshold=least), ".jpg"))


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: words of the command line; those of the process where None.

    Returns:
        exit status: 0, or 2 after a problem that was printed in one line.
    """
    options = build_parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    # Imported after the command line is read: --help must not wait for torch.
    from pipeline.errors import PipelineError

    try:
        data, found = find(options)
        if options.json:
            options.json.write_text(json.dumps(coco_results(found)) + "\n", encoding="utf-8")
        if options.draw:
            write_pictures(options.draw, data, found, least=options.least, show_faces=options.show_faces)
    except (PipelineError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    shown = sum(int((one.scores >= options.least).sum()) for one in found)
    print(f"{len(data)} frames, {shown} boxes with a score of at least {options.least:g}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
