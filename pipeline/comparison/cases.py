"""What the ablation tools share: the command line, one run for each case, and numbers with their spread."""

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

_RUN = Path(__file__).resolve().parents[2] / "tools" / "run.py"
Tree = dict[str, Any]
# From the command line, a source, a target and a seed to the configuration of all rows.
Configure = Callable[[argparse.Namespace, str, str, int], Tree]


def add_case_arguments(parser: argparse.ArgumentParser, *, about: str) -> None:
    """Give a command line what every comparison over cases takes.

    Args:
        parser: of the tool.
        about: what the configuration has to be.
    """
    add = parser.add_argument
    add("config", metavar="CONFIG", type=Path, help=about)
    add("--out", type=Path, required=True, help="folder of all runs")
    add("--case", action="append", required=True, metavar="SOURCE:TARGET:SEED",
        help="world domains and seed; repeatable")  # fmt: skip
    add("--set", dest="overrides", action="append", default=[], metavar="a.b=c", help="for all cases")
    add("--jobs", type=int, default=1, help="cases run at the same time; one thread each with --set runtime.threads=1")


def parse_arguments(name: str, about: str | None, varied: str, arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line of an ablation.

    Args:
        name: of the tool.
        about: what it does.
        varied: which stage of the run is varied.
        arguments: words of the command line; those of the process where None.
    """
    parser = argparse.ArgumentParser(prog=name, description=about)
    add_case_arguments(parser, about=f"YAML file of the run whose {varied} is varied")
    parser.add_argument("--only", default="", help="comma-separated names of rows (default: all)")
    return parser.parse_args(arguments)


def run_cases(options: argparse.Namespace, configure: Configure) -> list[Tree]:
    """Run all cases and return what each found; a case that is done is not run again.

    Args:
        options: the command line.
        configure: makes the configuration of a source, a target and a seed.

    Raises:
        PipelineError: a case is not one, or ended badly.
    """
    with ThreadPoolExecutor(options.jobs) as pool:
        return list(pool.map(lambda case: _run_case(options, case, configure), options.case))


def _run_case(options: argparse.Namespace, case: str, configure: Configure) -> Tree:
    import yaml

    from pipeline.errors import ConfigError, PipelineError

    source, target, seed = [*case.split(":"), "", "", ""][:3]
    if case.count(":") != 2 or not seed.isdecimal():
        raise ConfigError(f"--case {case}", "SOURCE:TARGET:SEED, such as random-1:random-2:7")
    tree = configure(options, source, target, int(seed))
    folder = options.out / f"{source}-{target}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "ablation.yaml"
    path.write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")
    command = [sys.executable, str(_RUN), str(path), "--run-dir", str(folder / "run")]
    with open(folder / "log.txt", "a", encoding="utf-8") as log:
        code = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False).returncode
    if code:
        raise PipelineError(f"case {case} ended with exit code {code}", "0", f"See {folder / 'log.txt'}.")
    summary: Tree = json.loads((folder / "run" / "results.json").read_text(encoding="utf-8"))
    return summary


def without_sharing(tree: Tree) -> Tree:
    """Return a copy in which no two entries are one object: YAML would write anchors, which the loader refuses."""
    copied: Tree = json.loads(json.dumps(tree))
    return copied


def spread(values: list[float], *, digits: int = 1) -> str:
    """Return 'mean ± standard deviation' in percent."""
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{100 * statistics.mean(values):.{digits}f} ± {100 * deviation:.{digits}f}"
