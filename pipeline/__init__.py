"""The machinery of a run: configuration, manifest, runner, models, losses, training, retrieval, metrics, report."""

import importlib.util
from pathlib import Path

_DATASETS = Path(__file__).resolve().parent.parent / "datasets" / "__init__.py"


def _check_datasets() -> None:
    """Raise ImportError where `datasets` is somebody else's package, for Hugging Face publishes one of that name."""
    spec = importlib.util.find_spec("datasets")
    origin = None if spec is None else spec.origin
    if origin is None or Path(origin).resolve() != _DATASETS:
        raise ImportError(
            f"the package 'datasets' is {origin or 'not there'}; expected crosscam's own {_DATASETS}. "
            "Install crosscam in an environment of its own, without Hugging Face's package of the same name."
        )


_check_datasets()
