"""Adapt a finished run's models to new cameras from footage alone: detector, tracks, re-ID model, report.

The configuration that this derives is written to OUT/adapt.yaml, to be read and edited; the run itself is one like any
other: killed, the same command goes on, and tools/status.py tells how far it is.
"""

import argparse
import re
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

CONFIG = "adapt.yaml"


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="adapt.py", description=(__doc__ or "").partition("\n")[0])
    add = parser.add_argument
    add("--footage", type=Path, nargs="+", required=True, metavar="PATH",
        help="a folder of videos or images, or any number of files and folders")  # fmt: skip
    add("--cameras", type=Path, metavar="CSV", help="which camera made which file: columns file, camera and, if known,"
        " start; default: cameras.csv in the footage's folder, or else the folders' names")  # fmt: skip
    add("--models", type=Path, required=True, metavar="RUN", help="finished run with both halves, such as that of"
        " configs/quickstart.yaml: its models, source data and budgets are used")  # fmt: skip
    add("--out", type=Path, required=True, metavar="RUN", help="folder of the new run")
    add("--follow", choices=("student", "teacher"), default="student",
        help="which of the adapted detectors follows people (default: student)")  # fmt: skip
    add("--probe-crops", type=Path, metavar="DIR", help="labelled query/ and bounding_box_test/ of the new cameras, to"
        " measure by; Market-1501 layout")  # fmt: skip
    add("--ceiling-crops", type=Path, metavar="DIR", help="labelled bounding_box_train/ of them, for the ceiling")
    add("--probe-frames", type=Path, metavar="DIR", help="labelled frames of them: annotations/test.json and test/")
    add("--ceiling-frames", type=Path, metavar="DIR", help="the same for the ceiling: annotations/train.json, train/")
    add("--keep", choices=("none", "tracklets", "embeddings"), help="what stays of the footage when all is done:"
        " nothing; crops of people, without frames; or their embeddings alone. Default: crops and frames")  # fmt: skip
    add("--set", dest="overrides", metavar="a.b.c=value", action="append", default=[],
        help="override one value of the derived configuration; repeatable")  # fmt: skip
    add("--until", metavar="STAGE", help="run only this stage and what it needs")
    add("--dry-run", action="store_true", help="write the configuration, say what would be run, and stop")
    add("-v", "--verbose", action="store_true", help="log details")
    return parser


def check(options: argparse.Namespace) -> None:
    """Refuse what would be asked for in vain.

    Args:
        options: the command line.

    Raises:
        ConfigError: what stays of the footage is to be decided before the run has come to its end.
    """
    from pipeline.errors import ConfigError

    if options.keep and options.until:
        raise ConfigError(
            f"--keep {options.keep} with --until {options.until}", "--keep with a run to its end",
            "The stages that follow need the pictures.",
        )  # fmt: skip


def derived_tree(options: argparse.Namespace) -> dict[str, Any]:
    """Return the configuration that a command line stands for.

    Args:
        options: the command line.

    Raises:
        PipelineError: a folder is missing, or the run lacks a half.
    """
    from pipeline.errors import DataError
    from pipeline.new_cameras.derive import derive
    from pipeline.new_cameras.footage_entry import footage_entry
    from pipeline.new_cameras.models_run import read_models_run
    from pipeline.new_cameras.truth import Truth, labelled_frames
    from stages import STAGES

    for folder in (options.probe_crops, options.ceiling_crops, options.probe_frames, options.ceiling_frames):
        if folder is not None and not folder.is_dir():
            raise DataError(f"folder {str(folder)!r} does not exist", "labelled data of the new cameras")
    crops = {"kind": "market1501"}
    truth = Truth(
        options.probe_crops and {**crops, "root": str(options.probe_crops.absolute()), "split": "query_gallery"},
        options.ceiling_crops and {**crops, "root": str(options.ceiling_crops.absolute())},
        options.probe_frames and labelled_frames(options.probe_frames, "test"),
        options.ceiling_frames and labelled_frames(options.ceiling_frames, "train"),
    )
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", options.out.absolute().name).lstrip("._-") or "adapted"
    return derive(
        read_models_run(options.models, STAGES), footage_entry(options.footage, options.cameras), name=name[:100],
        truth=truth, follow=options.follow,
    )  # fmt: skip


def write_config(out: Path, tree: dict[str, Any]) -> Path:
    """Write the configuration, unless the very same one is there, and return its path.

    Args:
        out: folder of the run.
        tree: plain values.

    Raises:
        ConfigError: another one is there: edited, or of another command line.
    """
    from pipeline.atomic_files import write_atomic
    from pipeline.config.strict_yaml import write_yaml
    from pipeline.errors import ConfigError

    path, text = out / CONFIG, write_yaml(tree)
    if path.exists() and path.read_text(encoding="utf-8") != text:
        raise ConfigError(
            f"{path} is not what this command line derives: it was edited, or made by another one", "",
            f"Run it as it is with tools/run.py {path} --run-dir {out}, or remove it",
        )  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        write_atomic(path, text)
    return path


def apply_retention(run: Path, keep: str) -> None:
    """Delete what is not to be kept of a run that has succeeded, and write its report again.

    Args:
        run: its folder.
        keep: 'none', 'tracklets' or 'embeddings'.

    Raises:
        PipelineError: a stage is being written, or embeddings are asked for of crops that are gone.
    """
    from pipeline.report.html import write_report
    from pipeline.retention import delete_pictures
    from pipeline.training.kept_embeddings import keep_embeddings

    if keep == "embeddings":
        for table in keep_embeddings(run):
            print(f"embeddings: {table}")
    deleted = delete_pictures(run, keep)
    for stage, count in deleted.files.items():
        print(f"{stage}: {count} files removed by --keep {keep}")
    if deleted.tables:
        print(f"{deleted.tables} tables of embeddings removed by --keep {keep}")
    write_report(run)


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: words of the command line; those of the process where None.

    Returns:
        exit status: 0 done, 2 a problem that the user can act on, 130 interrupted.
    """
    options = build_parser().parse_args(arguments)
    # Imported after the command line is read: --help and a mistyped option must not wait for torch.
    from pipeline.errors import PipelineError
    from pipeline.telling import tell_progress
    from tools import report, run

    tell_progress()

    try:
        check(options)
        config = write_config(options.out, derived_tree(options))
    except (PipelineError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    words = [str(config), "--run-dir", str(options.out)]
    words += [word for text in options.overrides for word in ("--set", text)]
    words += ["--until", options.until] if options.until else []
    words += [flag for flag, is_given in (("--dry-run", options.dry_run), ("-v", options.verbose)) if is_given]
    status = run.main(words)
    if status == 2 and any(options.out.glob("*/CURRENT")):
        # What was made before the problem can be looked at all the same.
        report.main([str(options.out)])
    if status == 0 and options.keep and not options.dry_run:
        try:
            apply_retention(options.out, options.keep)
        except (PipelineError, OSError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
    return status


if __name__ == "__main__":
    sys.exit(main())
