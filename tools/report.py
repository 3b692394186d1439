"""Write results.json and report.html of a run again, and print the table."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: words of the command line; those of the process where None.

    Returns:
        exit status: 0, or 2 after a problem that was printed in one line.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="folder of the run, for example runs/quickstart")
    parser.add_argument("--show-faces", action="store_true", help="leave heads in pictures as they are, not blurred")
    options = parser.parse_args(arguments)
    # Imported after the command line is read: --help must not wait for the plots.
    from pipeline.atomic_files import read_json
    from pipeline.errors import PipelineError
    from pipeline.report.collect import format_table, write_results
    from pipeline.report.html import write_report

    try:
        results = write_results(options.run)
        report = write_report(options.run, show_faces=options.show_faces)
    except (PipelineError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(format_table(read_json(results)))
    print(f"\n{results}\n{report}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
