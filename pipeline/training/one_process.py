"""Stages that read footage in the order of time, which several processes cannot share."""

from pipeline import distributed
from pipeline.errors import ConfigError


def check_one_process(stage: str) -> None:
    """Refuse a stage under several processes.

    Args:
        stage: its name.

    Raises:
        ConfigError: there are several.
    """
    if distributed.world_size() > 1:
        raise ConfigError(
            f"stage {stage} reads footage in the order of time, and there are {distributed.world_size()} processes",
            "one process", f"Run tools/run.py with --until {stage} by itself, and then the rest with torchrun.",
        )  # fmt: skip
