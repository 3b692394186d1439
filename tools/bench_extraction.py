"""Measure the extraction of embeddings: images a second of decoding, of the network, of both at once, and of a loop."""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

CASES = {
    "decode alone": "decode_job",
    "embed alone": "embed_job",
    "both at once, into a table": "extract_job",
    "both in turn, plain loop": "naive_job",
}
WAITING = "decoding beside a device that waits as long"


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: words of the command line; those of the process where None.

    Returns:
        exit status: 0, or 2 after a problem that was printed in one line.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--images", type=int, default=512, help="default: %(default)s")
    add("--stored", type=int, nargs=2, default=(256, 128), metavar=("H", "W"), help="size of the files' images")
    add("--size", type=int, nargs=2, default=(256, 128), metavar=("H", "W"), help="input of the network")
    add("--arch", default="osnet_x0_25", help="network with fresh weights (default: %(default)s)")
    add("--batch", type=int, default=32, help="default: %(default)s")
    add("--no-flip", action="store_true", help="don't average with the mirror image")
    add("--amp", choices=("off", "bf16", "fp16"), default="off", help="default: off")
    add("--workers", type=int, default=2, help="threads that decode (default: %(default)s)")
    add("--threads", type=int, default=1, help="threads of the network on the CPU (default: %(default)s)")
    add("--device", choices=("cpu", "cuda"), default="cpu", help="default: cpu")
    options = parser.parse_args(arguments)
    from pipeline.errors import PipelineError

    try:
        with tempfile.TemporaryDirectory() as folder:
            run(options, Path(folder))
    except PipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def run(options: argparse.Namespace, folder: Path) -> None:
    """Measure all cases and print the table.

    Args:
        options: the command line.
        folder: for images and table.
    """
    from pipeline.benchmarking.cost_table import cost_cells, machine, markdown_table
    from pipeline.benchmarking.measured_child import measured_child

    jobs, place = "tools.bench_extraction_cases", str(folder / "images")
    measured_child(f"{jobs}:images_job", folder=place, count=options.images, size=list(options.stored))
    names = ("arch", "batch", "amp", "workers", "device")
    arguments: dict[str, Any] = {name: getattr(options, name) for name in names}
    arguments |= {"folder": place, "size": list(options.size), "flip": not options.no_flip, "threads": options.threads}
    costs = {name: measured_child(f"{jobs}:{job}", **arguments) for name, job in CASES.items()}
    waited = costs["decode alone"].wall_seconds
    costs[WAITING] = measured_child(f"{jobs}:waiting_job", seconds=waited, **arguments)
    print(
        f"{machine(('torch', 'opencv-python-headless', 'numpy'))}\n{options.images} JPEG files of"
        f" {options.stored[0]} x {options.stored[1]}, {options.arch} at {options.size[0]} x {options.size[1]},"
        f" batch {options.batch}, amp {options.amp}, {'one view' if options.no_flip else 'with mirror image'},"
        f" {options.workers} decoding threads, {options.device}\n"
    )
    rows = []
    for name, cost in costs.items():
        rates = {
            "images a second": f"{options.images / cost.wall_seconds:,.0f}",
            "images a CPU second": f"{options.images / cost.cpu_seconds:,.0f}",
        }
        rows.append({"case": name, **rates, **cost_cells(cost, reference=costs["both in turn, plain loop"])})
    print(markdown_table(rows))
    decode, embed, both, naive, waiting = costs.values()
    slower, cpu_sum = max(decode.wall_seconds, embed.wall_seconds), decode.cpu_seconds + embed.cpu_seconds
    print(
        f"\nboth at once takes {both.wall_seconds / slower:.2f} x the slower of the two alone, in turn"
        f" {naive.wall_seconds / slower:.2f} x; CPU seconds {both.cpu_seconds / cpu_sum:.2f}"
        f" x their sum\nbeside a device that waits, decoding takes {waiting.wall_seconds / waited:.2f} x either alone;"
        " 2 x in turn"
    )


if __name__ == "__main__":
    sys.exit(main())
