"""Embed every crop of a data set into a table on the disk; a run that was stopped goes on where it was."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="extract.py", description=__doc__)
    add = parser.add_argument
    add("model", type=Path, metavar="FILE", help=".safetensors file of a re-ID network that a run left")
    add("source", metavar="SRC", help="folder of crops; the domain for world")
    add("--out", type=Path, required=True, metavar="TABLE", help="folder of the table")
    add("--from", dest="kind", default="image_folder", metavar="KIND", help="kind of SRC, default: image_folder")
    add("--split", help="split of SRC, where its kind has splits: train, query or gallery")
    add("--with", dest="options", action="append", default=[], metavar="NAME=VALUE", help="another setting of the kind")
    add(
        "--camera-statistics",
        choices=("checkpoint", "off"),
        default="checkpoint",
        help="whether rows are standardised by the camera statistics in the model's file (default), or plain",
    )
    add("--target", default="", metavar="NAME", help="whose cameras these are, for a model adapted to several targets")
    add("--batch", type=int, default=256, help="images a forward, default: 256")
    add("--no-flip", action="store_true", help="don't average with the mirror image; twice as fast")
    add("--amp", choices=("off", "bf16", "fp16"), default="off", help="how to compute, default: off")
    add("--dtype", choices=("float32", "float16"), default="float32", help="numbers on the disk, default: float32")
    add("--workers", type=int, default=4, help="threads that decode, default: 4; 0 decodes and embeds in turn")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: auto")
    return parser


def extract(options: argparse.Namespace) -> str:
    """Extract, and return one line that says what is there now.

    Args:
        options: the command line.

    Raises:
        PipelineError: the model, the images or the table cannot be used.
    """
    from datasets.named_sources import read_crop_source
    from pipeline import build, distributed
    from pipeline.atomic_files import sha256_of_file
    from pipeline.config.schema import RuntimeConfig
    from pipeline.errors import ConfigError
    from pipeline.training.embedder_file import load_embedder
    from pipeline.training.table_extraction import TablePlan, extract_table

    for name, least in (("batch", 1), ("workers", 0)):
        if getattr(options, name) < least:
            raise ConfigError(f"--{name} {getattr(options, name)}", f"at least {least}")
    runtime = RuntimeConfig(device=options.device, amp=options.amp)
    device = build.device(runtime)
    distributed.start(device.type)
    loaded = load_embedder(options.model)
    data = read_crop_source(options.kind, options.source, split=options.split, words=options.options)
    plan = TablePlan(
        batch=options.batch,
        flip=not options.no_flip,
        dtype=options.dtype,
        precision=build.precision(runtime, device),
        site=options.target,
        workers=options.workers,
    )
    table = extract_table(
        loaded.model.to(device),
        data,
        options.out,
        digest=sha256_of_file(options.model),
        statistics=loaded.cameras if options.camera_statistics == "checkpoint" else None,
        plan=plan,
    )
    header = table.header
    kind = "standardised by camera" if header.origin.is_standardised else "plain"
    left_out = f", {len(header.unreadable)} of them unreadable" if header.unreadable else ""
    return f"{options.out}: {header.rows} rows{left_out}, {header.dimension} {header.dtype} each, {kind}"


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: words of the command line; those of the process where None.

    Returns:
        exit status: 0, 2 after a problem that was printed in one line, or 130 when it was interrupted.
    """
    options = build_parser().parse_args(arguments)
    # Imported after the command line is read: --help must not wait for torch.
    from pipeline import distributed
    from pipeline.errors import PipelineError
    from pipeline.telling import tell_progress

    tell_progress()

    try:
        line = extract(options)
        is_main = distributed.rank() == 0
    except (PipelineError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    finally:
        distributed.stop()
    if is_main:
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
