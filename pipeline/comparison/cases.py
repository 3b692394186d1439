"""What the ablation tools share: the command line, one run for each case, and numbers with their spread."""

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_RUN = Path(__file__).resolve().parents[2] / "tools" / "run.py"
# The configuration of a case, in its folder.
CASE_FILE = "ablation.yaml"
Tree = dict[str, Any]
# From the command line, a source, a target and a seed to the configuration of all rows.
Configure = Callable[[argparse.Namespace, str, str, int], Tree]


@dataclass(frozen=True)
class Case:
    """One domain pair and seed.

    Args:
        source: world domain of the labelled data; empty where all data are as the configuration has them.
        target: world domain of all other data; empty as well then.
        seed: of the networks, and of drawn data.
    """

    source: str
    target: str
    seed: int

    @property
    def name(self) -> str:
        """Return the name of its folder."""
        return f"{self.source}-{self.target}-{self.seed}" if self.source else f"seed-{self.seed}"


def add_case_arguments(parser: argparse.ArgumentParser, *, about: str) -> None:
    """Give a command line what every comparison over cases takes.

    Args:
        parser: of the tool.
        about: what the configuration has to be.
    """
    add = parser.add_argument
    add("config", metavar="CONFIG", type=Path, help=about)
    add("--out", type=Path, required=True, help="folder of all runs")
    add("--case", action="append", default=[], metavar="SOURCE:TARGET:SEED",
        help="world domains and seed; repeatable")  # fmt: skip
    add("--pair", dest="pairs", action="append", default=[], metavar="SOURCE:TARGET",
        help="world domains for all of --seeds; repeatable")  # fmt: skip
    add("--seeds", default="", metavar="0,1,2", help="seeds of each pair, instead of --case")
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


def cases_of(options: argparse.Namespace, *, as_written: bool = False) -> list[Case]:
    """Return the cases that a command line asks for, in its order.

    Args:
        options: the command line.
        as_written: whether seeds without a pair take the data as the configuration has them.

    Raises:
        ConfigError: there is none, one of them is not a case, or two are the same.
    """
    from pipeline.errors import ConfigError

    if options.case and (options.pairs or options.seeds):
        raise ConfigError("--case stands beside --pair or --seeds", "either the cases or pairs with seeds")
    cases = [_case(f"--case {text}", text, 3) for text in options.case]
    pairs = [_case(f"--pair {text}", f"{text}:0", 3) for text in options.pairs]
    seeds = [_case(f"--seeds {options.seeds}", f"x:x:{seed}", 3).seed for seed in options.seeds.split(",") if seed]
    if pairs and not seeds:
        raise ConfigError("--pair without --seeds", "the seeds, such as --seeds 0,1,2")
    if seeds and not pairs:
        if not as_written:
            raise ConfigError("--seeds without --pair", "world domains, such as --pair random-1:random-2")
        pairs = [Case("", "", 0)]
    cases += [Case(pair.source, pair.target, seed) for pair in pairs for seed in seeds]
    twice = [case.name for case in cases if cases.count(case) > 1]
    if not cases or twice:
        found = f"case {twice[0]} is there twice" if twice else "no case was given"
        raise ConfigError(found, "--case SOURCE:TARGET:SEED, or --pair SOURCE:TARGET with --seeds, each once")
    return cases


def _case(option: str, text: str, parts: int) -> Case:
    from pipeline.errors import ConfigError

    words = text.split(":")
    if len(words) != parts or not all(words) or not words[-1].isdecimal():
        raise ConfigError(option, "SOURCE:TARGET:SEED (or SOURCE:TARGET and 0,1,2), such as random-1:random-2:7")
    return Case(words[0], words[1], int(words[2]))


def run_cases(
    options: argparse.Namespace, configure: Configure, *, cases: Sequence[Case] | None = None,
    apart: Sequence[str] = (), after: Callable[[], object] = lambda: None,
) -> list[Tree]:  # fmt: skip
    """Run all cases and return what each found, in their order; a case that is done is not run again.

    Args:
        options: the command line.
        configure: makes the configuration of a source, a target and a seed.
        cases: those of the command line where None.
        apart: stages that get a process of their own.
        after: called in this thread whenever a case has ended well.

    Raises:
        PipelineError: a case is not one, or ended badly.
    """
    chosen = cases_of(options) if cases is None else cases
    with ThreadPoolExecutor(options.jobs) as pool:
        futures = [pool.submit(_run_case, options, case, configure, apart) for case in chosen]
        try:
            for future in as_completed(futures):
                future.result()
                after()
        finally:
            for future in futures:
                future.cancel()
        return [future.result() for future in futures]


def _run_case(options: argparse.Namespace, case: Case, configure: Configure, apart: Sequence[str]) -> Tree:
    folder = options.out / case.name
    tree = configure(options, case.source, case.target, case.seed)
    for name in apart:
        run_tree(tree, folder, until=name)
    run_tree(tree, folder)
    summary: Tree = json.loads((folder / "run" / "results.json").read_text(encoding="utf-8"))
    return summary


def run_tree(tree: Tree, folder: Path, *, until: str | None = None, file: str = CASE_FILE) -> None:
    """Run a configuration in a process of its own; its words go to `log.txt`.

    Args:
        tree: the configuration.
        folder: of the case; the run lies in its folder `run`.
        until: the stage to stop after; None runs all.
        file: what the configuration is called in the folder.

    Raises:
        PipelineError: the process ended badly.
    """
    import yaml

    from pipeline.errors import PipelineError

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / file
    path.write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")
    command = [sys.executable, str(_RUN), str(path), "--run-dir", str(folder / "run")]
    command += [] if until is None else ["--until", until]
    with open(folder / "log.txt", "a", encoding="utf-8") as log:
        code = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False).returncode
    if code:
        raise PipelineError(f"case {folder.name} ended with exit code {code}", "0", f"See {folder / 'log.txt'}.")


def without_sharing(tree: Tree) -> Tree:
    """Return a copy in which no two entries are one object: YAML would write anchors, which the loader refuses."""
    copied: Tree = json.loads(json.dumps(tree))
    return copied


def spread(values: list[float], *, digits: int = 1) -> str:
    """Return 'mean ± standard deviation' in percent."""
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{100 * statistics.mean(values):.{digits}f} ± {100 * deviation:.{digits}f}"
