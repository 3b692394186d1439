"""Write the card of a model that a run has left: data, measurements, purpose and limits, from manifests alone."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: words of the command line; those of the process where None.

    Returns:
        exit status: 0, or 2 after a problem that was printed in one line.
    """
    parser = argparse.ArgumentParser(prog="model_card.py", description=__doc__)
    parser.add_argument("model", type=Path, help="RUN/STAGE, or a model file RUN/STAGE/aNNNN/best.safetensors")
    parser.add_argument("--role", default="best", help="which model of a stage, default: best")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the card there instead of printing it")
    options = parser.parse_args(arguments)
    # Imported after the command line is read: --help must not wait for anything.
    from pipeline.atomic_files import write_atomic
    from pipeline.errors import PipelineError
    from pipeline.report.model_card import model_card

    try:
        card = model_card(options.model, role=options.role)
        if options.out:
            write_atomic(options.out, card)
    except (PipelineError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if not options.out:
        print(card, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
