"""Compare a step of the real loop with the bare forward and backward pass of the same networks on ready tensors."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

CASES = {
    "pretrain": "source_pretrain, the teacher on labels",
    "adapt_teacher": "progressive_kd, the teacher on both domains",
    "adapt_student": "progressive_kd, the student hears the teacher on both domains",
}
SECTIONS = ("data", "forward", "backward", "update")


def rows_of(options: argparse.Namespace) -> Iterator[dict[str, str]]:
    """Measure every case in a child process and yield one row each."""
    from pipeline.benchmarking.measured_child import measured_child

    for case in options.cases:
        cost = measured_child(
            "tools.bench_training_cases:job", case=case, config=str(options.config), steps=options.steps,
            blocks=options.blocks, workers=options.workers, device=options.device,
        )  # fmt: skip
        value, clock = cost.value, "wall" if options.device == "cuda" else "CPU"
        share = (value["forward"] + value["backward"]) / value["total"]
        yield {
            "step": CASES[case],
            "base MB": f"{cost.base_megabytes:,.0f}",
            "peak above base MB": f"{cost.megabytes_above:,.0f}",
            f"bare {clock} ms": f"{1000 * value[f'bare {clock}']:.1f}",
            f"loop {clock} ms": f"{1000 * value[f'loop {clock}']:.1f}",
            "ratio": f"{value[f'loop {clock}'] / value[f'bare {clock}']:.2f}",
            **{f"{name} ms": f"{1000 * value[name]:.1f}" for name in SECTIONS},
            "forward + backward": f"{100 * share:.0f} %",
        }


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: words of the command line; those of the process where None.
    """
    from pipeline.benchmarking.cost_table import machine, markdown_table

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, default=Path("configs/quickstart_reid.yaml"))
    parser.add_argument("--cases", nargs="+", choices=list(CASES), default=list(CASES), help="default: all")
    parser.add_argument("--steps", type=int, default=4, help="of each block, default: 4")
    parser.add_argument("--blocks", type=int, default=7, help="counted blocks, default: 7")
    parser.add_argument("--workers", type=int, default=0, help="loading processes of each domain, default: 0")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="default: cpu")
    options = parser.parse_args(arguments)
    print(f"{machine(('torch', 'timm', 'albumentations'))}\n")
    print(markdown_table(list(rows_of(options))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
