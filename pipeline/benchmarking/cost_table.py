"""How benchmarks tell what they measured: Markdown tables, growth over sizes, and the machine in one line."""

import math
import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pipeline.benchmarking.measured_child import Cost


def cost_cells(cost: Cost, *, reference: Cost | None = None) -> dict[str, str]:
    """Return the cells that every benchmark prints of a job.

    Args:
        cost: of the job.
        reference: of the job that this one is compared to.

    Returns:
        Base and peak memory, seconds, and the ratio of CPU seconds to the reference's.
    """
    ratio = cost.cpu_seconds / max(reference.cpu_seconds, 1e-9) if reference else None
    return {
        "base MB": f"{cost.base_megabytes:,.0f}",
        "peak above base MB": f"{cost.megabytes_above:,.0f}",
        "CPU s": _rounded(cost.cpu_seconds),
        "wall s": _rounded(cost.wall_seconds),
        "CPU ratio": "" if ratio is None else _rounded(ratio),
    }


def _rounded(number: float) -> str:
    """Return three digits or all before the point."""
    digits = 0 if number >= 100 else 1 if number >= 10 else 2 if number >= 0.1 else 4
    return f"{number:,.{digits}f}"


def markdown_table(rows: Sequence[Mapping[str, object]]) -> str:
    """Return rows as a Markdown table; the first column is aligned to the left, all others to the right.

    Args:
        rows: cells by column; columns stand in the order in which they first appear, a missing cell is empty.
    """
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines = [columns, ["---"] + ["---:"] * (len(columns) - 1)]
    lines += [[str(row.get(name, "")) for name in columns] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cost_panels(costs: Mapping[str, Mapping[int, Cost]]) -> dict[str, dict[str, dict[int, float]]]:
    """Return CPU seconds and memory by method and size, as cost curves are drawn from.

    Args:
        costs: by method and size.
    """
    seconds = {name: {size: cost.cpu_seconds for size, cost in found.items()} for name, found in costs.items()}
    memory = {
        name: {size: max(cost.megabytes_above, 0.1) for size, cost in found.items()} for name, found in costs.items()
    }
    return {"CPU seconds": seconds, "memory above the base, MB": memory}


def growth(sizes: Sequence[float], costs: Sequence[float]) -> tuple[float, float]:
    """Fit cost = factor * size^exponent by least squares of the logarithms.

    Args:
        sizes: at least two different positive numbers.
        costs: positive numbers, one a size.

    Returns:
        Exponent and factor.
    """
    assert len(set(sizes)) > 1, f"sizes {sizes} do not tell a growth"
    x, y = [math.log(size) for size in sizes], [math.log(cost) for cost in costs]
    middle = sum(x) / len(x)
    exponent = sum((a - middle) * b for a, b in zip(x, y, strict=True)) / sum((a - middle) ** 2 for a in x)
    return exponent, math.exp(sum(y) / len(y) - exponent * middle)


def machine(packages: Sequence[str] = ("numpy", "scipy", "torch", "faiss-cpu", "scikit-learn")) -> str:
    """Return the processor, its vector units, Python and the versions of packages in one line.

    Args:
        packages: names in the package index.
    """
    known: dict[str, str] = {}
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        pairs = (line.partition(":") for line in cpuinfo.read_text(encoding="utf-8").splitlines())
        known = {name.strip(): value.strip() for name, _, value in pairs}
    vectors = [label for flag, label in (("avx2", "AVX2"), ("avx512f", "AVX-512")) if flag in known.get("flags", "")]
    parts = [
        f"{os.cpu_count()} logical CPUs, {known.get('model name') or platform.processor()} ({platform.machine()})",
        *vectors,
        f"Python {platform.python_version()}",
        *filter(None, map(_with_version, packages)),
    ]
    return ", ".join(parts)


def _with_version(package: str) -> str | None:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return None
