"""Check every YAML file under configs/: it loads, references lead somewhere, components take their arguments."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
METHODS = "methods"


def find_configs(folder: Path) -> list[Path]:
    """Return all YAML files below a folder, at any depth, sorted; what `tools/compare.py` varies is no configuration.

    Args:
        folder: where to look.
    """
    found = [path for path in folder.rglob("*") if path.suffix in (".yaml", ".yml") and path.is_file()]
    return sorted(path for path in found if METHODS not in path.relative_to(folder).parts[:-1])


def placeholders(path: Path) -> list[str]:
    """Return overrides that give a folder to every data set whose `root: null` waits for the user's.

    Args:
        path: configuration.

    Raises:
        ConfigError: the file or one that it extends cannot be read.
    """
    from pipeline.config.sources import read_source

    data = read_source(path, []).tree.get("data") or {}
    waiting = (name for name, entry in data.items() if isinstance(entry, dict) and entry.get("root", "") is None)
    return [f"data.{name}.root=." for name in waiting]


def check_files(files: Sequence[Path], load: Callable[[Path], object]) -> list[str]:
    """Load every file and gather what is wrong.

    Args:
        files: configurations.
        load: reads and checks one; raises PipelineError where it is not right.

    Returns:
        one entry a bad file.
    """
    from pipeline.errors import PipelineError

    problems = []
    for path in files:
        try:
            load(path)
        except PipelineError as error:
            problems.append(f"{path}: {error}")
    return problems


def main(arguments: list[str] | None = None) -> int:
    """Run the check.

    Args:
        arguments: words of the command line; those of the process where None.

    Returns:
        exit status: 0, or 1 where a file is wrong or there is none.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "configs", help="default: configs")
    options = parser.parse_args(arguments)
    # Imported after the command line is read: --help must not wait for torch.
    from pipeline.build import COMPONENTS
    from pipeline.config.load import load_config
    from stages import STAGES

    files = find_configs(options.folder)
    problems = check_files(files, lambda path: load_config(path, placeholders(path), STAGES, tables=COMPONENTS))
    if not files:
        problems = [f"{options.folder}: no YAML file"]
    for problem in problems:
        print(problem)
    print(f"configurations: {len(files)} files, {len(problems)} wrong")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
