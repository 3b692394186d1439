"""Run a configuration: every stage that is not up to date, in order; what was interrupted is resumed."""

import argparse
import logging
import sys
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="run.py", description=__doc__)
    parser.add_argument("config", metavar="CONFIG", type=Path, help="YAML file of the run")
    parser.add_argument(
        "--set",
        dest="overrides",
        metavar="a.b.c=value",
        action="append",
        default=[],
        help="override one value; repeatable",
    )
    parser.add_argument("--run-dir", type=Path, help="folder of the run (default: runtime.run_root/name)")
    parser.add_argument("--until", metavar="STAGE", help="run only this stage and what it needs")
    parser.add_argument(
        "--restart", metavar="STAGE", action="append", default=[], help="begin this stage anew; repeatable"
    )
    parser.add_argument("--resume-from", metavar="STEP", help="step or folder of an older resume point to go back to")
    parser.add_argument("--strict-code", action="store_true", help="run again what other sources made")
    parser.add_argument("--dry-run", action="store_true", help="say what would be run and why, and stop")
    parser.add_argument("--show-faces", action="store_true", help="leave heads in the report's pictures, not blurred")
    parser.add_argument("-v", "--verbose", action="store_true", help="log details")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run and return the exit code: 0 done, 2 a problem that the user can act on, 130 interrupted."""
    options = parse_arguments(arguments)
    level = logging.DEBUG if options.verbose else logging.INFO
    # Imported after the command line is read: --help and a mistyped option must not wait for torch.
    from pipeline.errors import PipelineError
    from pipeline.interruption import RunInterrupted
    from pipeline.telling import tell_progress

    tell_progress(level)

    try:
        _run(options)
    except RunInterrupted as error:
        print(f"{error}", file=sys.stderr)
        return 130
    except PipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _run(options: argparse.Namespace) -> None:
    from pipeline import distributed
    from pipeline.build import COMPONENTS, data_digest, limit_threads
    from pipeline.config.load import load_config
    from pipeline.coordination import Coordinator
    from pipeline.runner import RunOptions, preview, run
    from stages import STAGES

    config = load_config(options.config, options.overrides, STAGES, tables=COMPONENTS)
    run_dir = options.run_dir or Path(config.runtime.run_root) / config.name
    choices = RunOptions(options.until, tuple(options.restart), options.resume_from, options.strict_code)
    if options.dry_run:
        for name, verdict in preview(config, STAGES, run_dir=run_dir, data_digest=data_digest, options=choices).items():
            print(f"{name:<24} {verdict}")
        return
    _limit_threads(config.runtime.threads)
    limit_threads(config.runtime)
    distributed.start(_device(config.runtime.device), timeout=timedelta(seconds=config.runtime.timeout_seconds))
    try:
        coordinator = Coordinator(distributed.rank(), distributed.broadcast_object)
        if not coordinator.is_main:
            logging.getLogger().setLevel(logging.WARNING)
        with distributed.lost_peer_in_words():
            run(config, STAGES, run_dir=run_dir, data_digest=data_digest, options=choices, coordinator=coordinator)
        if coordinator.is_main:
            _report(run_dir, show_faces=options.show_faces)
    finally:
        distributed.stop()


def _report(run_dir: Path, *, show_faces: bool) -> None:
    from pipeline.atomic_files import read_json
    from pipeline.report.collect import format_table, write_results
    from pipeline.report.html import write_report

    results = write_results(run_dir)
    print(format_table(read_json(results)))
    print(f"report: {write_report(run_dir, show_faces=show_faces)}")


def _limit_threads(threads: int | None) -> None:
    import torch

    if threads is not None:
        torch.set_num_threads(threads)


def _device(wanted: str) -> str:
    import torch

    return wanted if wanted != "auto" else "cuda" if torch.cuda.is_available() else "cpu"


if __name__ == "__main__":
    sys.exit(main())
