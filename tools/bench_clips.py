"""Measure how many frames a second networks of clips embed, by size and batch, beside a network of single crops."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

NETWORKS = ("clips, ca_res", "crops, ca_res", "crops, resnet18")
# The paper's own: frames a second, side of the square image, device.
PAPER = "UVA-Net (Fu et al., AAAI 2020) claims 404 frames a second at 64 x 64 on a CPU and 10,106 at 32 x 32 on a GPU."


def job(*, network: str, size: list[int], batch: int, length: int, device: str, seconds: float) -> Callable[[], float]:
    """Prepare one network with fresh weights.

    Args:
        network: one of `NETWORKS`.
        size: height and width.
        batch: clips (or crops) a forward.
        length: frames of a clip; 1 for crops.
        device: 'cpu' or 'cuda'.
        seconds: how long to measure.
    """
    import torch

    from pipeline import build
    from pipeline.training.scoring import images_per_second
    from pipeline.training.video.speed import frames_per_second

    torch.manual_seed(0)
    arch = "timm/resnet18" if "resnet18" in network else "ca_res"
    spec: dict[str, Any] = {
        "arch": arch, "size": size, "embedding": 128, "pooling": "gem", "ibn": "none", "weights": "scratch", "args": {},
        "mean": [0.5] * 3, "std": [0.25] * 3,
    }  # fmt: skip
    if network.startswith("crops"):
        crops = build.reid_model(**spec).eval().to(device)
        return lambda: images_per_second(crops, batch=batch, seconds=seconds)
    clips = build.clip_model(video="coupled", **spec).eval().to(device)
    return lambda: frames_per_second(clips, length=length, batch=batch, seconds=seconds)


def rows_of(options: argparse.Namespace) -> list[dict[str, str]]:
    """Measure every network at every size and batch in a child process.

    Args:
        options: the command line.
    """
    from pipeline.benchmarking.measured_child import measured_child

    rows = []
    for side in options.sides:
        size = [side, side // 2] if options.upright else [side, side]
        for batch in options.batches:
            speeds = {}
            for network in NETWORKS:
                length = options.length if network.startswith("clips") else 1
                made = {"batch": batch, "length": length, "device": options.device, "seconds": options.seconds}
                cost = measured_child(
                    "tools.bench_clips:job", threads=options.threads, network=network, size=size, **made
                )
                speeds[network] = float(cost.value)
            for network, speed in speeds.items():
                rows.append({
                    "network": network, "size": f"{size[0]} x {size[1]}", "batch": str(batch),
                    "frames a second": f"{speed:,.0f}", "ratio": f"{speed / speeds[NETWORKS[-1]]:.2f}",
                })  # fmt: skip
    return rows


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: words of the command line; those of the process where None.
    """
    from pipeline.benchmarking.cost_table import machine, markdown_table

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sides", type=int, nargs="+", default=[32, 64, 128], help="heights (default: 32 64 128)")
    parser.add_argument("--upright", action="store_true", help="images half as wide as high, as people are")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 16], help="clips or crops (default: 1 16)")
    parser.add_argument("--length", type=int, default=4, help="frames of a clip (default: 4)")
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement (default: 2)")
    parser.add_argument("--threads", type=int, default=1, help="of torch on the CPU (default: 1)")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="default: cpu")
    options = parser.parse_args(arguments)
    print(
        f"{machine(('torch', 'timm'))}, {options.device}, {options.threads} threads, clips of {options.length} frames\n"
    )
    print(markdown_table(rows_of(options)))
    print(f"\nA ratio compares with {NETWORKS[-1]} in the same row's batch. {PAPER}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
