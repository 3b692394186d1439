"""How the commands of tools/ tell what they do: lines with the time, on the error stream."""

import logging
import sys


def tell_progress(level: int = logging.INFO) -> None:
    """Send log lines of this level and above to the error stream, each with the time of day.

    Args:
        level: of the standard library's logging.
    """
    logging.basicConfig(level=level, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
    # FAISS tells at this level which of its binaries it loads.
    logging.getLogger("faiss").setLevel(logging.WARNING)
