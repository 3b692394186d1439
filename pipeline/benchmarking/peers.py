"""Functions of other people's checkouts, for comparison in the same run; the checkouts are named by the environment."""

import importlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from pipeline.errors import PipelineError

_PACKAGE = "peer_under_comparison"
# Environment variables that name checkouts.
CHECKOUTS: Mapping[str, str] = {
    "fast-reid": "FASTREID_CHECKOUT",
    "OpenUnReID": "OPENUNREID_CHECKOUT",
    "SpCL": "SPCL_CHECKOUT",
    "torchreid": "TORCHREID_CHECKOUT",
}


def named_peers(*names: str) -> dict[str, Path]:
    """Return the checkouts that the environment names.

    Args:
        names: peers in `CHECKOUTS` that a benchmark can compare with.

    Raises:
        PipelineError: when a variable names no folder.
    """
    found = {name: Path(os.environ[CHECKOUTS[name]]).resolve() for name in names if os.environ.get(CHECKOUTS[name])}
    for name, folder in found.items():
        if not folder.is_dir():
            raise PipelineError(f"{CHECKOUTS[name]} names {folder}", f"a folder with a checkout of {name}")
    return found


def peer_module(folder: str | Path, name: str) -> ModuleType:
    """Import one module of a folder without running the packages around it, which ask for more than the module needs.

    Args:
        folder: with the module's file; modules beside it are found by relative imports.
        name: of the module.

    Raises:
        PipelineError: when the module is not there or cannot be imported; a compiled one may have to be built first.
    """
    package = ModuleType(_PACKAGE)
    package.__path__ = [str(folder)]
    sys.modules[_PACKAGE] = package
    try:
        return importlib.import_module(f"{_PACKAGE}.{name}")
    except ImportError as error:
        remedy = "Build it there first, if it is one to be compiled: python setup.py build_ext --inplace."
        raise PipelineError(f"{folder} gives no module {name} ({error})", "one that can be imported", remedy) from error
