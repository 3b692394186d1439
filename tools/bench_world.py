"""Measure how many crops a second the procedural world draws on one core; writes nothing."""

import argparse
import sys
import time
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
    parser.add_argument("domains", nargs="*", help="domains to draw (default: all named ones)")
    parser.add_argument("--crops", type=int, default=640, help="crops per domain (default: %(default)s)")
    options = parser.parse_args(arguments)
    # Imported after the command line is read: --help must not wait for OpenCV.
    import cv2

    from datasets.world.domains import NAMED_DOMAINS
    from datasets.world.reader import read_world
    from pipeline.errors import PipelineError

    cv2.setNumThreads(1)
    try:
        for name in options.domains or NAMED_DOMAINS:
            data = read_world(name, identities=options.crops // 8 + 1, cameras=2)
            started, started_cpu = time.perf_counter(), time.process_time()
            for sample in data.samples[: options.crops]:
                data.load(sample)
            cpu, wall = time.process_time() - started_cpu, time.perf_counter() - started
            print(f"{name:16} {options.crops / cpu:6.0f} crops per CPU second, {options.crops / wall:6.0f} per second")
    except PipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
