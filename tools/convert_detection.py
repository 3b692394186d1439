"""Write labelled street frames of one format as another: annotations, and the images where asked for."""

import argparse
import csv
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

if TYPE_CHECKING:
    from datasets.frame_records import FrameData
    from datasets.frame_writers import WrittenFrames

SOURCES = "sources.csv"


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", metavar="SRC", help="folder to read; the domain for world_frames")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write; empty or new")
    parser.add_argument("--from", dest="kind", required=True, metavar="KIND", help="kind of SRC, such as mot")
    parser.add_argument("--to", required=True, metavar="FORMAT", help="format of OUT, such as coco")
    parser.add_argument("--split", help="split of SRC, where its kind has splits")
    parser.add_argument(
        "--with",
        dest="options",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="another setting of the kind, such as sequences='[\"MOT17-02\"]'; may be repeated",
    )
    parser.add_argument(
        "--images",
        choices=("none", "copy"),
        default="none",
        help="copy the images under their new names as well; default: none",
    )
    return parser


def write_set(out: Path, data: "FrameData", written: "WrittenFrames", *, with_images: bool) -> None:
    """Write texts, images and, where images have new names, a table that tells which is which.

    Args:
        out: folder that is empty or new.
        data: the frames.
        written: their texts and names.
        with_images: whether images are copied.

    Raises:
        DataError: the folder is not empty, or an image cannot be read.
    """
    from datasets.file_data import FileLoader
    from datasets.world.sheet import encode_image
    from pipeline.errors import DataError

    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"{str(out)!r} is there and not empty", "a folder that is empty or does not exist yet")
    out.mkdir(parents=True, exist_ok=True)
    for name, text in written.texts.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(text, encoding="utf-8")
    if any(old != new for old, new in written.images.items()):
        with (out / SOURCES).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("image", "source"), *((new, old) for old, new in written.images.items())])
    for sample in data.samples if with_images else ():
        path = out / written.images[sample.path]
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(data.load, FileLoader):
            shutil.copyfile(Path(data.load.root) / sample.path, path)
        else:
            path.write_bytes(encode_image(data.load(sample), path.suffix))


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: words of the command line; those of the process where None.

    Returns:
        exit status: 0, or 2 after a problem that was printed in one line.
    """
    options = build_parser().parse_args(arguments)
    # Imported after the command line is read: --help must not wait for torch.
    from datasets.frame_files import describe_frames
    from datasets.frame_writers import FRAME_WRITERS, not_held
    from datasets.named_sources import read_frame_source
    from pipeline.errors import ConfigError, PipelineError

    try:
        if options.to not in FRAME_WRITERS:
            raise ConfigError(f"--to {options.to}", f"one of {', '.join(FRAME_WRITERS)}")
        data = read_frame_source(options.kind, options.source, split=options.split, words=options.options)
        written = FRAME_WRITERS[options.to](data)
        write_set(options.out, data, written, with_images=options.images == "copy")
    except (PipelineError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    lost = not_held(data, options.to)
    if lost:
        print(f"note: {options.to} cannot hold {', '.join(lost)}; they are left out", file=sys.stderr)
    print(f"{options.out}: {describe_frames(data)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
